// Package isolate runs a test again in a process of its own, whose limits are nobody else's. On Linux, with user namespaces,
// the process may do what tests are usually not allowed to: mount a disk of a few bytes, or be bound by permissions although it
// was started by the superuser. Where there are no such namespaces a test is skipped, or fails if GMMSPEC_REQUIRE names them.
package isolate
