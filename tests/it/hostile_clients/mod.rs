//! Clients that mean no good, against a real server: connections by the thousand, sockets that nobody reads, lines that went
//! dead, requests that two servers would read in two ways, and bodies made to cost much. A good client is served meanwhile,
//! and the server keeps no more than its bounds.

mod bodies;
mod connections;
mod lists;
mod paths;
mod raw;
mod smuggling;
mod sockets;
