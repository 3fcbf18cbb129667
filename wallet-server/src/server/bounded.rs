//! A TCP listener that has only so many connections open at a time.
//!
//! Beyond that, clients wait in the kernel's queue, which costs this process nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::{AddrListener, Address};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most connections on one listener. Every phone that waits for news holds one; each costs
/// some 20 KB, which makes 200 MB. Fewer where the limit of open files leaves no room for them.
pub(super) const CONNECTIONS_MAX: usize = 10_000;

/// An address whose listener is bounded.
#[derive(Clone, Debug)]
pub(super) struct BoundedAddress(SocketAddr);

/// See the module.
#[derive(Debug)]
pub(super) struct BoundedListener {
    listener: TcpListener,
    address: SocketAddr,
    places: Arc<Semaphore>,
}

/// A connection, and its place among the others for as long as it lives.
#[derive(Debug)]
pub(super) struct BoundedStream {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl BoundedListener {
    /// Binds an address, with room for this many connections.
    pub(super) async fn bind(address: SocketAddr, connections_max: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, places: Arc::new(Semaphore::new(connections_max)) })
    }

    /// Where it listens; the port is the one that was taken if any was asked for.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Address for BoundedAddress {
    type Stream = BoundedStream;
    type Listener = BoundedListener;
}

impl AddrListener<BoundedStream, BoundedAddress> for BoundedListener {
    async fn bind_to(BoundedAddress(address): BoundedAddress) -> io::Result<Self> {
        Self::bind(address, CONNECTIONS_MAX).await
    }

    async fn accept_stream(&self) -> io::Result<(BoundedStream, BoundedAddress)> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, address) = self.listener.accept().await?;
        Ok((BoundedStream { stream, _place: place }, BoundedAddress(address)))
    }

    fn get_local_addr(&self) -> io::Result<BoundedAddress> {
        Ok(BoundedAddress(self.address))
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use axum_server::AddrListener;
    use tokio::net::TcpStream;

    use super::BoundedListener;

    #[tokio::test]
    async fn a_connection_beyond_the_bound_is_accepted_when_another_one_ends() {
        let listener = BoundedListener::bind("127.0.0.1:0".parse().unwrap(), 1).await.unwrap();
        let address = listener.address();
        let _clients = (
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        );
        let first = listener.accept_stream().await.unwrap();
        assert_eq!(listener.places.available_permits(), 0);
        drop(first);
        assert_eq!(listener.places.available_permits(), 1);
        let _second = listener.accept_stream().await.unwrap();
        assert_eq!(listener.places.available_permits(), 0);
    }
}
