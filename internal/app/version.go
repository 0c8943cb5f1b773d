// Package app wires Mailstop together: it turns a configuration and a command's options into a running pipeline. It
// is the only package that knows the kinds of formats, detectors, sources and sinks by name.
package app

// Version and Commit are set by the build.
var (
	Version = "0.1.0-dev"
	Commit  = "unknown"
)
