//! The Python that checks the signatures of alerts as receivers do, with the published library.

use crate::setup::python_libraries::PythonLibraries;
use crate::wheels::RECEIVER;

/// The library.
pub(super) const RECEIVER_LIBRARY: PythonLibraries = PythonLibraries {
    variable: "CONNLEDGER_RECEIVER_PYTHON",
    name: "receiver",
    wheels: RECEIVER,
    look: "import standardwebhooks",
    needs: "Python 3",
};
