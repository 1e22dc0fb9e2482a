//! The threads that work is shared among. Where the system gives none, all is done in the one that there is.

use rayon::ThreadPoolBuilder;

/// Makes them. To be called before anything is shared: otherwise a lack of threads is a panic. Does nothing the second
/// time.
pub(crate) fn prepare() {
    if ThreadPoolBuilder::new().build_global().is_err() {
        // Fails if they are there already.
        drop(ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global());
    }
}
