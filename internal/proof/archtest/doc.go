// Package archtest holds no code but tests: the rules of the house that a compiler
// does not check. Which package may import which, what is never deployed, where
// time and goroutines may not come from, and that the README names what the
// code has.
package archtest
