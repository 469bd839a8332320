//! Destinations that were away and have come back are compared with.

use super::*;

#[tokio::test]
async fn a_destination_that_takes_something_again_is_compared_with() {
    let (server, fake) = server(|_| error("502 Bad Gateway", "SW_SERVICE_UNAVAILABLE")).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 1).await;
    sender(&server).drain().await;
    assert!(server.federation.returned().take().is_empty());

    fake.respond_from_now_on(accept);
    sender(&server).drain().await;
    let returned = server.federation.returned().take();
    assert!(returned.contains(&(server.tenant.key(), name())));

    write(&server, room(1), 2, 1).await;
    sender(&server).drain().await;
    assert!(
        server.federation.returned().take().is_empty(),
        "it was there"
    );
}
