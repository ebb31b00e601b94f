package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/crm"
)

// withOperator runs f with the operator's dependencies, made from the environment,
// and closes them after it.
func withOperator(c *cobra.Command, getenv func(string) string, f func(*functions.Operator) error) error {
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	d := functions.NewOperator(getenv, log)
	return errors.Join(f(d), d.Close())
}

// isTerminal reports whether w is a terminal, where a person reads and types.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printJSON writes one indented value.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// parseTime reads a time, a date, or how long ago: 36h, 7d.
func parseTime(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	ago, err := parseDuration(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time: write 2026-11-23, 2026-11-23T10:00:00Z, or how long ago, as 36h or 7d", text)
	}
	return now.Add(-ago), nil
}

// parseDuration is time.ParseDuration, and knows days.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	return time.ParseDuration(text)
}

// parseKind reads contact or company, in the plural too.
func parseKind(text string) (crm.Kind, error) {
	switch strings.ToLower(text) {
	case "contact", "contacts":
		return crm.Contact, nil
	case "company", "companies":
		return crm.Company, nil
	}
	return "", fmt.Errorf("%q is not a kind of record: write contact or company", text)
}

// formatTime formats a time to the second, in the zone of the reader.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}
