/// How an executor runs MPI applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpiSettings {
    /// The most applications at once in a block.
    pub max_apps: u32,
    /// The program that starts them: `srun`, `mpiexec`, `mpirun`, `aprun`.
    pub launcher: String,
    /// Words given to the launcher before those of the call.
    pub launcher_options: Vec<String>,
    /// Nodes of a block.
    pub nodes_per_block: u32,
}
