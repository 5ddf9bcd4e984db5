//go:build !linux

package main

// forget does nothing: it takes no more than it did.
func forget([]byte) {}

// forgetFiles does nothing: this system is not asked.
func forgetFiles() {}
