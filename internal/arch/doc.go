// Package arch holds the tests of the project's own shape: which way imports point, and what a log format must bring
// with it. It has no code of its own.
package arch
