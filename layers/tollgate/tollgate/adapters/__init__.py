"""The wire: the only room that imports an SDK. Each SDK error is translated once, into an error of the domain."""
