//! What a record and a chunk may cost. Real records have at most some hundred nodes and some KiB of JSON; made ones can name one value
//! many times over, at every level of nesting.

use crate::error::Broken;

/// Nodes that one record may have: elements, values, and what arrays repeat.
const MAX_RECORD_NODES: usize = 1 << 17;

/// Nodes that all records of a chunk may have together, with their templates.
const MAX_CHUNK_NODES: usize = 1 << 20;

/// Bytes of JSON that one record may have.
const MAX_RECORD_OUTPUT: usize = 4 << 20;

/// Bytes of JSON that all records of a chunk may have together.
const MAX_CHUNK_OUTPUT: usize = 16 << 20;

/// Elements, fragments and templates may be nested so deeply.
pub(crate) const MAX_DEPTH: usize = 128;

/// What may still be spent on a record, and on its chunk.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    record_nodes: usize,
    chunk_nodes: usize,
    chunk_output: usize,
}

impl Budget {
    pub(crate) fn of_chunk() -> Self {
        Budget { record_nodes: 0, chunk_nodes: MAX_CHUNK_NODES, chunk_output: MAX_CHUNK_OUTPUT }
    }

    /// Begins with a record.
    pub(crate) fn begin_record(&mut self) {
        self.record_nodes = MAX_RECORD_NODES;
    }

    /// Pays for nodes of the record that was begun.
    pub(crate) fn spend(&mut self, n_nodes: usize, at: usize) -> Result<(), Broken> {
        let Some(left) = self.record_nodes.checked_sub(n_nodes) else {
            return Err(Broken::new(at, format!("the record has more than {MAX_RECORD_NODES} parts")));
        };
        let Some(chunk_left) = self.chunk_nodes.checked_sub(n_nodes) else {
            return Err(Broken::new(at, format!("the records of the chunk have more than {MAX_CHUNK_NODES} parts")));
        };
        (self.record_nodes, self.chunk_nodes) = (left, chunk_left);
        Ok(())
    }

    /// Whether a record's output may be so long.
    pub(crate) fn check_output(&self, n_bytes: usize, at: usize) -> Result<(), Broken> {
        if n_bytes > MAX_RECORD_OUTPUT {
            return Err(Broken::new(at, format!("the record is longer than {} MiB of JSON", MAX_RECORD_OUTPUT >> 20)));
        }
        if n_bytes > self.chunk_output {
            let reason = format!("the records of the chunk are longer than {} MiB of JSON", MAX_CHUNK_OUTPUT >> 20);
            return Err(Broken::new(at, reason));
        }
        Ok(())
    }

    /// Pays for a record's output.
    pub(crate) fn spend_output(&mut self, n_bytes: usize) {
        self.chunk_output = self.chunk_output.saturating_sub(n_bytes);
    }
}
