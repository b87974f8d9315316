//! What one peer may have.

use kafka2oss_proto::v1;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::server::{PATIENCE, Server};

/// Opens a connection. Whether it stays open: one that does hears the server's settings.
async fn stays(server: &Server) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server.addresses()[0]).await.expect("connected");
    let heard = stream.read(&mut [0; 9]).await;
    heard.is_ok_and(|bytes| bytes > 0).then_some(stream)
}

#[tokio::test]
async fn connections_beyond_those_of_a_peer_are_closed_and_the_others_go_on() {
    // One is the client's.
    let mut server = Server::start_with(|options| options.max_connections_of_peer = 2).await;
    let second = stays(&server).await.expect("open");
    assert!(stays(&server).await.is_none());
    server.agents.list_agents(v1::ListAgentsRequest::default()).await.expect("answered");
    drop(second);
    let again = async {
        // The server learns a moment later that it has gone.
        while stays(&server).await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("taken in time");
}
