//! MPI tasks: how many nodes and ranks.

mod geometry;

pub use geometry::{Geometry, GeometryError, TaskGeometry};
