// Package archtest holds no code but tests: the rules of the project that a compiler
// does not check. They say which package may import which, what is never deployed,
// where the clock and goroutines may not come from, and that the documents name what
// the code has.
package archtest
