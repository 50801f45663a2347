//! The Python that has verifiers and a witness of transparency logs that others wrote.

use crate::setup::python_libraries::PythonLibraries;
use crate::wheels::PROOFS;

/// The libraries.
pub(super) const PROOF_TOOLS: PythonLibraries = PythonLibraries {
    variable: "CONNLEDGER_PROOFS_PYTHON",
    name: "verifiers of logs",
    wheels: PROOFS,
    look: "import aics_tlog.cli, aics_witness.cli, pymerkle",
    needs: "Python 3.11 or newer",
};
