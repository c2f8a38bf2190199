//! MPI applications: how many nodes and ranks a task spans, where in a block it goes, and how it is
//! launched.
//!
//! ```text
//!   TaskGeometry ─► resolve ─► Geometry ─► placement (pure): whole nodes of a block, the largest
//!                                             │              first, smaller ones meanwhile
//!                                             ▼
//!                    launcher (pure): flavour, nodes, ranks ─► the words of srun, mpiexec, mpirun
//!                                             │
//!                    variables (pure) ◄───────┘  CHILTEPIN_MPI_PREFIX, PARSL_MPI_PREFIX, ...
//!                                             ▼
//!   apps: the call with these variables on the first of its nodes; when it has ended, nothing of
//!         it is left on any of them before they are used again
//! ```

mod apps;
mod flavour;
mod geometry;
mod launcher;
mod local;
mod node;
mod placed;
mod placement;
mod question;
mod settings;
mod variables;

pub use apps::{Apps, AppsEvents, AppsSettings};
pub use flavour::ask;
pub use geometry::{Geometry, GeometryError, TaskGeometry};
pub use launcher::Launcher;
pub use local::{LocalMpi, LocalMpiSettings, NoLocalMpi};
pub use node::{AppNode, Swept};
pub use placement::AppsWanted;
pub use settings::MpiSettings;

/// The variable that names an application in the environment of all its processes, on every node.
pub const APPLICATION_VARIABLE: &str = "CHILTEPIN_APPLICATION";
