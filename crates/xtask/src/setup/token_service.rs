//! The Python that runs a token service made with a published library, to which the tests connect.

use crate::setup::python_libraries::PythonLibraries;
use crate::wheels::OAUTH;

/// The libraries.
pub(super) const TOKEN_SERVICE_LIBRARIES: PythonLibraries = PythonLibraries {
    variable: "CONNLEDGER_OAUTH_PYTHON",
    name: "token service",
    wheels: OAUTH,
    look: "import authlib.integrations.flask_oauth2",
    needs: "Python 3.10 or newer",
};
