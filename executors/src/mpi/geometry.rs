use std::num::NonZeroU32;

/// How many nodes and MPI ranks a task spans; any two of the three give the third.
///
/// ```
/// use chiltepin_executors::mpi::TaskGeometry;
/// let geometry = TaskGeometry::nodes(2).ranks_per_node(4).resolve()?;
/// assert_eq!(geometry.num_ranks.get(), 8);
/// # Ok::<(), chiltepin_executors::mpi::GeometryError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[must_use]
pub struct TaskGeometry {
    /// Nodes.
    pub num_nodes: Option<u32>,
    /// MPI ranks in all.
    pub num_ranks: Option<u32>,
    /// MPI ranks on each node.
    pub ranks_per_node: Option<u32>,
}

/// A geometry of which all is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Nodes.
    pub num_nodes: NonZeroU32,
    /// MPI ranks in all.
    pub num_ranks: NonZeroU32,
    /// MPI ranks on each node; the last node has fewer if they do not divide evenly.
    pub ranks_per_node: NonZeroU32,
}

/// A geometry that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// Nothing is given.
    #[error("it gives neither nodes nor ranks; give at least one of them")]
    Empty,
    /// A number is zero.
    #[error("its {0} is 0; it must be at least 1")]
    Zero(&'static str),
    /// There are more nodes than ranks, so some would have none.
    #[error("{nodes} nodes cannot share {ranks} ranks; give each node at least one rank")]
    IdleNodes {
        /// The nodes.
        nodes: u32,
        /// The ranks.
        ranks: u32,
    },
    /// The three numbers do not agree.
    #[error(
        "{ranks} ranks are not {nodes} nodes with {per_node} ranks each; \
         leave one of the three out"
    )]
    Disagree {
        /// The nodes.
        nodes: u32,
        /// The ranks.
        ranks: u32,
        /// The ranks on each node.
        per_node: u32,
    },
    /// The product is beyond any machine.
    #[error("{nodes} nodes with {per_node} ranks each are more ranks than can be counted")]
    Overflow {
        /// The nodes.
        nodes: u32,
        /// The ranks on each node.
        per_node: u32,
    },
}

impl TaskGeometry {
    /// A geometry of so many nodes.
    pub const fn nodes(num_nodes: u32) -> Self {
        Self {
            num_nodes: Some(num_nodes),
            num_ranks: None,
            ranks_per_node: None,
        }
    }

    /// A geometry of so many ranks.
    pub const fn ranks(num_ranks: u32) -> Self {
        Self {
            num_nodes: None,
            num_ranks: Some(num_ranks),
            ranks_per_node: None,
        }
    }

    /// Sets the nodes.
    pub const fn num_nodes(mut self, num_nodes: u32) -> Self {
        self.num_nodes = Some(num_nodes);
        self
    }

    /// Sets the ranks in all.
    pub const fn num_ranks(mut self, num_ranks: u32) -> Self {
        self.num_ranks = Some(num_ranks);
        self
    }

    /// Sets the ranks on each node.
    pub const fn ranks_per_node(mut self, ranks_per_node: u32) -> Self {
        self.ranks_per_node = Some(ranks_per_node);
        self
    }

    /// Works out what is not given. Nodes alone have one rank each, ranks alone share one node.
    ///
    /// # Errors
    /// If nothing is given, a number is zero, or the numbers contradict each other.
    pub fn resolve(&self) -> Result<Geometry, GeometryError> {
        let nodes = positive(self.num_nodes, "number of nodes")?;
        let ranks = positive(self.num_ranks, "number of ranks")?;
        let per_node = positive(self.ranks_per_node, "number of ranks per node")?;
        let one = NonZeroU32::MIN;
        let (nodes, ranks, per_node) = match (nodes, ranks, per_node) {
            (None, None, None) => return Err(GeometryError::Empty),
            (Some(nodes), None, None) => (nodes, nodes, one),
            (None, Some(ranks), None) => (one, ranks, ranks),
            (None, None, Some(per_node)) => (one, per_node, per_node),
            (Some(nodes), Some(ranks), None) => (nodes, ranks, divide(ranks, nodes)),
            (None, Some(ranks), Some(per_node)) => (divide(ranks, per_node), ranks, per_node),
            (Some(nodes), None, Some(per_node)) => (nodes, product(nodes, per_node)?, per_node),
            (Some(nodes), Some(ranks), Some(per_node)) => {
                if divide(ranks, per_node) != nodes {
                    return Err(GeometryError::Disagree {
                        nodes: nodes.get(),
                        ranks: ranks.get(),
                        per_node: per_node.get(),
                    });
                }
                (nodes, ranks, per_node)
            }
        };
        if nodes > ranks {
            return Err(GeometryError::IdleNodes {
                nodes: nodes.get(),
                ranks: ranks.get(),
            });
        }
        Ok(Geometry {
            num_nodes: nodes,
            num_ranks: ranks,
            ranks_per_node: per_node,
        })
    }
}

fn positive(number: Option<u32>, what: &'static str) -> Result<Option<NonZeroU32>, GeometryError> {
    match number {
        None => Ok(None),
        Some(number) => NonZeroU32::new(number)
            .map(Some)
            .ok_or(GeometryError::Zero(what)),
    }
}

/// Divides and rounds up, which is at least 1.
fn divide(dividend: NonZeroU32, divisor: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(dividend.get().div_ceil(divisor.get())).unwrap_or(NonZeroU32::MIN)
}

fn product(nodes: NonZeroU32, per_node: NonZeroU32) -> Result<NonZeroU32, GeometryError> {
    nodes.checked_mul(per_node).ok_or(GeometryError::Overflow {
        nodes: nodes.get(),
        per_node: per_node.get(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(geometry: TaskGeometry) -> Result<(u32, u32, u32), GeometryError> {
        let all = geometry.resolve()?;
        Ok((
            all.num_nodes.get(),
            all.num_ranks.get(),
            all.ranks_per_node.get(),
        ))
    }

    #[test]
    fn any_two_give_the_third() {
        assert_eq!(
            numbers(TaskGeometry::nodes(2).ranks_per_node(4)),
            Ok((2, 8, 4))
        );
        assert_eq!(numbers(TaskGeometry::nodes(2).num_ranks(8)), Ok((2, 8, 4)));
        assert_eq!(
            numbers(TaskGeometry::ranks(8).ranks_per_node(4)),
            Ok((2, 8, 4))
        );
        assert_eq!(
            numbers(TaskGeometry::nodes(2).num_ranks(8).ranks_per_node(4)),
            Ok((2, 8, 4))
        );
        assert_eq!(numbers(TaskGeometry::nodes(2).num_ranks(7)), Ok((2, 7, 4)));
        assert_eq!(numbers(TaskGeometry::nodes(3)), Ok((3, 3, 1)));
        assert_eq!(numbers(TaskGeometry::ranks(3)), Ok((1, 3, 3)));
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(numbers(TaskGeometry::default()), Err(GeometryError::Empty));
        assert_eq!(
            numbers(TaskGeometry::nodes(0)),
            Err(GeometryError::Zero("number of nodes"))
        );
        assert_eq!(
            numbers(TaskGeometry::nodes(2).num_ranks(9).ranks_per_node(4)),
            Err(GeometryError::Disagree {
                nodes: 2,
                ranks: 9,
                per_node: 4
            })
        );
        assert_eq!(
            numbers(TaskGeometry::nodes(4).num_ranks(2)),
            Err(GeometryError::IdleNodes { nodes: 4, ranks: 2 })
        );
        assert!(matches!(
            numbers(TaskGeometry::nodes(u32::MAX).ranks_per_node(2)),
            Err(GeometryError::Overflow { .. })
        ));
    }
}
