//! What the kernel dropped because nobody read it in time.

use std::os::{
    fd::{AsFd, BorrowedFd},
    unix::fs::MetadataExt as _,
};

/// Counts what is dropped at some sockets, by the column `drops` of `/proc/net/udp` and `/proc/net/udp6`.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    inodes: Vec<u64>,
}

impl Drops {
    /// Counts at these sockets.
    pub(crate) fn of<'s, S: AsFd + 's>(sockets: impl IntoIterator<Item = &'s S>) -> std::io::Result<Self> {
        let inode = |socket: BorrowedFd<'_>| {
            let file = std::fs::File::from(socket.try_clone_to_owned()?);
            Ok(file.metadata()?.ino())
        };
        let inodes = sockets.into_iter().map(|socket| inode(socket.as_fd())).collect::<std::io::Result<_>>()?;
        Ok(Drops { inodes })
    }

    /// How many datagrams were dropped so far.
    pub(crate) fn count(&self) -> std::io::Result<u64> {
        let mut n = 0;
        for path in ["/proc/net/udp", "/proc/net/udp6"] {
            match std::fs::read_to_string(path) {
                Ok(table) => n += dropped(&table, &self.inodes),
                Err(error) if path.ends_with('6') && error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(n)
    }
}

/// The sum of the last column of the lines of some inodes (the tenth column).
fn dropped(table: &str, inodes: &[u64]) -> u64 {
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
    let lines = table.lines().skip(1).map(|line| line.split_whitespace());
    let own = lines.filter(|words| number(words.clone().nth(9)).is_some_and(|inode| inodes.contains(&inode)));
    own.filter_map(|words| number(words.last())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_own_sockets_count() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             18: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 12\n\
             19: 0100007F:0203 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 5\n";
        assert_eq!(dropped(table, &[4711]), 12);
        assert_eq!(dropped(table, &[4711, 4712, 1]), 17);
        assert_eq!(dropped("", &[1]), 0);
    }
}
