//! The Python that receives alerts: it checks their signatures with the published library, and
//! takes mail with a server that is not ours.

use crate::setup::python_libraries::PythonLibraries;
use crate::wheels::RECEIVER;

/// The libraries.
pub(super) const RECEIVER_LIBRARY: PythonLibraries = PythonLibraries {
    variable: "CONNLEDGER_RECEIVER_PYTHON",
    name: "receiver",
    wheels: RECEIVER,
    look: "import aiosmtpd, standardwebhooks",
    needs: "Python 3",
};
