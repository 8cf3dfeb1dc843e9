//! A CyTube client over Socket.IO: pure codec and session, thin connection.
