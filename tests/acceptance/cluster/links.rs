//! Links between processes that can be cut, wholly or in one direction.

use std::net::Ipv4Addr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What does not get through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cut {
    #[default]
    Nothing,
    /// What the side sends that made the connection.
    There,
    /// What the other side sends.
    Back,
    Both,
}

impl Cut {
    /// The same as the other side sees it.
    pub(super) const fn reversed(self) -> Self {
        match self {
            Self::There => Self::Back,
            Self::Back => Self::There,
            Self::Nothing | Self::Both => self,
        }
    }

    fn stops(self, way: Self) -> bool {
        self == way || self == Self::Both
    }
}

/// A port through which another one is reached. What is cut is neither closed nor refused: it is
/// silent, as in a network that is divided, and arrives once it is whole again.
pub(super) struct Link {
    port: u16,
    cut: watch::Sender<Cut>,
    task: JoinHandle<()>,
}

impl Link {
    pub(super) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (cut, cuts) = watch::channel(Cut::Nothing);
        let task = tokio::spawn(accept(listener, target, cuts));
        Self { port, cut, task }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn cut(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: u16, cuts: watch::Receiver<Cut>) {
    let mut carried = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        carried.spawn(connect(near, target, cuts.clone()));
        // What has ended needs no place.
        while carried.try_join_next().is_some() {}
    }
}

async fn connect(near: TcpStream, target: u16, mut cuts: watch::Receiver<Cut>) {
    if cuts.wait_for(|cut| !cut.stops(Cut::There)).await.is_err() {
        return;
    }
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    let (near_reads, near_writes) = near.into_split();
    let (far_reads, far_writes) = far.into_split();
    // What one side closes is closed for the other.
    tokio::select! {
        () = carry(near_reads, far_writes, cuts.clone(), Cut::There) => {}
        () = carry(far_reads, near_writes, cuts, Cut::Back) => {}
    }
}

/// Carries bytes one way until either side ends.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut cuts: watch::Receiver<Cut>,
    way: Cut,
) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        if cuts.wait_for(|cut| !cut.stops(way)).await.is_err() || read == 0 {
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
