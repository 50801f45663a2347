//! The Python that has the published Python clients of other products, which the tests run
//! unmodified against the ledger. Those for Node.js are in `node_packages.rs`.

use crate::setup::python_libraries::PythonLibraries;
use crate::wheels::CLIENTS;

/// The clients.
pub(super) const PYTHON_CLIENTS: PythonLibraries = PythonLibraries {
    variable: "CONNLEDGER_CLIENTS_PYTHON",
    name: "python clients",
    wheels: CLIENTS,
    look: "import importlib.util as u, sys; \
        sys.exit(not all(map(u.find_spec, ['blaxel', 'portkey_ai', 'elevenlabs'])))",
    needs: "Python 3.10 or newer, 160 MB",
};
