package mapping

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// canonDateTimeLayout is UTC in whole seconds: Zoho keeps no more.
const canonDateTimeLayout = "2006-01-02T15:04:05Z"

// The forms in which the two CRMs write a time. Parse takes a fraction of a
// second after the seconds whether or not the layout has one.
var dateTimeLayouts = [...]string{
	time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", time.DateTime, time.DateOnly,
}

// parseTime reads a date, a time or a number of milliseconds since 1970, which
// HubSpot uses for both. Without an offset a time is UTC.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range dateTimeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return inYears(t.UTC())
		}
	}
	if strings.HasPrefix(text, "+") {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return inYears(time.UnixMilli(ms).UTC())
}

// inYears refuses what cannot be written with four digits for the year.
func inYears(t time.Time) (time.Time, bool) {
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// timedOn reports whether a date is a date-time on s.
func (f *Field) timedOn(s crm.System) bool { return slices.Contains(f.Timed, s) }

// canonDate returns the day in UTC: HubSpot keeps a date as midnight there. On
// a side that has a date-time it is the day in the mapping's time zone.
func (f *Field) canonDate(s crm.System, text string) string {
	t, ok := parseTime(text)
	switch {
	case !ok:
		return text
	case f.timedOn(s) && !isDate(text):
		zoned := t.In(f.zoneOrUTC())
		if _, ok := inYears(zoned); !ok {
			return text
		}
		return zoned.Format(time.DateOnly)
	}
	return t.Format(time.DateOnly)
}

func (f *Field) zoneOrUTC() *time.Location {
	if f.zone == nil {
		return time.UTC
	}
	return f.zone
}

// renderDate writes the beginning of the day where a date-time is wanted. Where
// the clocks are put forward at midnight the day begins at one.
func (f *Field) renderDate(s crm.System, canon string) (string, bool) {
	day, err := time.Parse(time.DateOnly, canon)
	if err != nil || !isDate(canon) || !f.timedOn(s) {
		return canon, err == nil && isDate(canon)
	}
	begin := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, f.zoneOrUTC())
	if begin.Day() != day.Day() {
		begin = begin.Add(time.Hour)
	}
	return renderDateTime(s, begin.UTC().Format(canonDateTimeLayout))
}

// canonDateTime drops what is finer than a second.
func canonDateTime(text string) string {
	if t, ok := parseTime(text); ok {
		return t.Format(canonDateTimeLayout)
	}
	return text
}

func isDate(s string) bool {
	t, err := time.Parse(time.DateOnly, s)
	return err == nil && t.Year() >= 1
}

// renderDateTime writes the offset as digits for Zoho, whose pages show no "Z".
func renderDateTime(s crm.System, canon string) (string, bool) {
	if _, err := time.Parse(canonDateTimeLayout, canon); err != nil {
		return "", false
	}
	if s == crm.Zoho {
		return strings.TrimSuffix(canon, "Z") + "+00:00", true
	}
	return canon, true
}
