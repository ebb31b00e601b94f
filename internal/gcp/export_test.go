package gcp

// Audience is audience for the tests.
var Audience = deriveAudience
