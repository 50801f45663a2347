//! Helm and what else checks the files for containers.

use crate::setup::python_libraries::PythonLibraries;
use crate::wheels::SHIP;

/// The tools, which are beside this Python.
pub(super) const SHIP_TOOLS: PythonLibraries = PythonLibraries {
    variable: "CONNLEDGER_SHIP_PYTHON",
    name: "ship",
    wheels: SHIP,
    look: "import kubernetes_validate",
    needs: "Python 3",
};
