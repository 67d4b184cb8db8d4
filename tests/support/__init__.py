"""What tests start and speak: real sites, real servers, real peers."""
