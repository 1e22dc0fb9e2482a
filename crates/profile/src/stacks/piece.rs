//! Parts of files that stay as long as anybody uses them.

use std::{ops::Deref, sync::Arc};

use crate::mapped::Mapped;

/// Bytes of a file that stay as long as anybody uses them.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    file: Arc<Mapped>,
    start: usize,
    end: usize,
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.file.get(self.start..self.end).unwrap_or_default()
    }
}

impl Piece {
    /// The part of the file that a decoder has borrowed.
    pub(super) fn of(file: &Arc<Mapped>, part: &[u8]) -> Self {
        let start = part.as_ptr().addr().saturating_sub(file.as_ptr().addr());
        Self { file: Arc::clone(file), start, end: start.saturating_add(part.len()) }
    }
}
