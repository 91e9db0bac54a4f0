//! A client that takes nothing of what is written to it is cut off: it would hold a place, and what waits for it memory,
//! for as long as it likes.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A connection of which each write must get somewhere in time. Where nothing is to be written, it may be quiet.
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// What is to be done before it is cut off.
    cut: fn(&S),
    /// Since a write got nowhere.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Patient<TcpStream> {
    pub(super) fn of(socket: TcpStream, patience: Duration) -> Self {
        keep_little(&socket);
        // What the system still has for the client goes, too; where that can't be said, it keeps it for a while.
        let cut = |socket: &TcpStream| drop(socket.set_zero_linger());
        Self { stream: socket, patience, cut, stalled: None }
    }
}

/// How much the system keeps that it could not send yet, in bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const KEPT: u32 = 64 * 1024;

/// The system takes more only once a third of what it keeps has left, which is megabytes by and by: whoever reads slowly
/// would seem to read nothing meanwhile. Where it can't be said how much, it is so.
fn keep_little(socket: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(socket).set_tcp_notsent_lowat(KEPT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = socket;
}

impl<S> Patient<S> {
    fn in_time<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        (self.cut)(&self.stream);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use bytes::Bytes;
    use futures::{FutureExt, StreamExt, stream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::sync::watch;
    use tokio::time::{Instant, advance, timeout};

    use super::super::server::Bound;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);
    const PIECE: usize = 64 * 1024;
    /// More than what the system takes for a client.
    const LARGE: usize = 64 * 1024 * 1024;

    fn large() -> Body {
        let pieces = stream::repeat(Bytes::from(vec![b'.'; PIECE])).take(LARGE / PIECE);
        Body::from_stream(pieces.map(Ok::<_, io::Error>))
    }

    /// What is said after long.
    fn seldom() -> Body {
        let words = stream::iter(["one", "two"]).then(|word| async move {
            sleep(PATIENCE * 10).await;
            Ok::<_, io::Error>(word)
        });
        Body::from_stream(words)
    }

    /// Serves one connection at a time.
    async fn serve() -> (SocketAddr, watch::Sender<bool>) {
        let bound = Bound::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let (address, (stop, stopping)) = (bound.address(), watch::channel(false));
        let router = Router::new()
            .route("/large", get(|| async { large() }))
            .route("/seldom", get(|| async { seldom() }))
            .route("/", get(|| async { "here" }));
        tokio::spawn(bound.serve_patiently(router, 1, stopping, Duration::ZERO, PATIENCE));
        (address, stop)
    }

    async fn ask(address: SocketAddr, path: &str) -> TcpStream {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let asked = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        socket.write_all(asked.as_bytes()).await.unwrap();
        socket
    }

    async fn whole(mut socket: TcpStream) -> String {
        let mut answer = String::new();
        timeout(PATIENCE * 100, socket.read_to_string(&mut answer)).await.expect("an answer").unwrap();
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_reads_is_cut_off_and_leaves_room_for_others() {
        let (address, _stop) = serve().await;
        let begun = Instant::now();
        let mut first = ask(address, "/large").await;
        let second = ask(address, "/").await;
        assert!(whole(second).await.ends_with("here"));
        assert!(begun.elapsed() >= PATIENCE);
        let mut rest = Vec::new();
        let _ = first.read_to_end(&mut rest).await;
        assert!(rest.len() < LARGE, "{}", rest.len());
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[tokio::test]
    async fn the_system_keeps_little_for_a_client_that_does_not_read() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut ours = Patient::of(listener.accept().await.unwrap().0, PATIENCE);
        socket2::SockRef::from(&client).set_recv_buffer_size(PIECE).unwrap();
        let (piece, mut kept) = (vec![b'.'; PIECE], 0);
        // Whatever is on its way to the client meanwhile is with the client.
        while let Some(written) = ours.write(&piece).now_or_never() {
            kept += written.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(kept < 16 * PIECE, "{kept}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_gets_all_of_it_and_who_stops_no_more() {
        let (ours, mut theirs) = duplex(1024);
        let mut ours = Patient { stream: ours, patience: PATIENCE, cut: |_| {}, stalled: None };
        let written = tokio::spawn(async move { ours.write_all(&[b'.'; 10 * 1024]).await });
        let mut buffer = [0; 1024];
        for _ in 0..8 {
            assert_eq!(theirs.read(&mut buffer).await.unwrap(), 1024);
            advance(PATIENCE * 2 / 3).await;
        }
        assert_eq!(written.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_nothing_to_read_is_waited_for() {
        let (address, _stop) = serve().await;
        let answer = whole(ask(address, "/seldom").await).await;
        assert!(answer.contains("one") && answer.contains("two"), "{answer}");
    }
}
