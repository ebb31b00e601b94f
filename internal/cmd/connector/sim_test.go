package main

import (
	"context"
	"strings"
	"testing"
)

func TestSimRefusesImpossibleOptions(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"a share of faults above one", "--faults 1.5", "--faults 1.5"},
		{"no time before a retry", "--retry-base 0s", "--retry-base 0s"},
		{"fewer than no retries", "--zoho-retries -1", "--zoho-retries -1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := rootCommand()
			c.SetArgs(append(strings.Fields("sim --hubspot-listen 127.0.0.1:0 --zoho-listen 127.0.0.1:0"), strings.Fields(test.args)...))
			c.SetErr(&safeBuffer{})
			if err := c.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error that names %s", err, test.want)
			}
		})
	}
}
