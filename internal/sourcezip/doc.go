// Package sourcezip makes the upload, the zip that Cloud Functions builds, and
// proves that it will build there.
//
// The upload holds what the repository holds without what .gcloudignore names.
// It depends on those files alone: the same tree gives the same bytes, on any
// machine and at any time, so that its hash names it and an unchanged upload
// deploys nothing. The tests repeat, offline, what the Go buildpack does with it,
// start each function of the result and ask it for an answer.
package sourcezip
