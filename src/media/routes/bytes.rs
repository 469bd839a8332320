//! Files as bodies of answers.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::media::upload::PATIENCE;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// So many bytes of a file. Who takes none for a minute gets no more; the connection then breaks off.
pub(crate) fn body(file: File, from: u64, length: u64) -> Body {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        if let Err(error) = pump(file, (from, length), &sender).await {
            let _ = sender.send(Err(error)).await;
        }
    });
    let chunks = stream::unfold(receiver, async |mut receiver| {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    });
    Body::from_stream(chunks)
}

async fn pump(
    mut file: File,
    (from, length): (u64, u64),
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> std::io::Result<()> {
    if from > 0 {
        file.seek(SeekFrom::Start(from)).await?;
    }
    let mut left = length;
    while left > 0 {
        let most = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let mut chunk = BytesMut::with_capacity(most);
        let mut part = (&mut file).take(u64::try_from(most).unwrap_or(left));
        let read = part.read_buf(&mut chunk).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        left = left.saturating_sub(u64::try_from(read).unwrap_or(left));
        match timeout(PATIENCE, sender.send(Ok(chunk.freeze()))).await {
            Ok(Ok(())) => {}
            // The client went away, or takes nothing.
            Ok(Err(_)) | Err(_) => return Ok(()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn read(from: u64, length: u64) -> Option<Bytes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let content: Vec<u8> = (0..200_000_u32).map(|at| at.to_be_bytes()[3]).collect();
        std::fs::write(&path, &content).unwrap();
        let file = File::open(&path).await.unwrap();
        to_bytes(body(file, from, length), 1 << 20).await.ok()
    }

    #[tokio::test]
    async fn a_part_is_what_stands_there() {
        assert_eq!(read(0, 200_000).await.unwrap().len(), 200_000);
        assert_eq!(read(259, 3).await.unwrap(), Bytes::from_static(&[3, 4, 5]));
        assert_eq!(read(7, 0).await.unwrap(), Bytes::new());
    }

    #[tokio::test]
    async fn a_file_that_is_too_short_breaks_off() {
        assert_eq!(read(199_999, 2).await, None);
    }
}
