package hubspot

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Properties that HubSpot defines and the client uses.
const (
	propCreated          = "createdate"
	propContactModified  = "lastmodifieddate"
	propCompanyModified  = "hs_lastmodifieddate"
	propSource           = "hs_object_source"
	propSourceID         = "hs_object_source_id"
	propMerged           = "hs_merged_object_ids"
	propMergedVIDs       = "hs_calculated_merged_vids" // contacts: "vid:time;vid:time"
	propAllVIDs          = "hs_all_contact_vids"       // contacts: the record's own id too
	propEmail            = "email"
	propAdditionalEmails = "hs_additional_emails"
	propOwner            = "hubspot_owner_id"
	propCompany          = "associatedcompanyid" // contacts: shows the primary company, and is written as an association
)

// sourceIntegration marks what an app wrote; the source id is then the app's.
const sourceIntegration = "INTEGRATION"

// wireRecord is a record as the object API returns it.
type wireRecord struct {
	ID         scalar                 `json:"id"`
	Properties map[string]*scalar     `json:"properties"`
	Histories  map[string][]wireEntry `json:"propertiesWithHistory"`
	CreatedAt  string                 `json:"createdAt"`
	UpdatedAt  string                 `json:"updatedAt"`
	Archived   bool                   `json:"archived"`
	TraceID    scalar                 `json:"objectWriteTraceId"` // of a create, where HubSpot repeats it
}

// wireEntry is one entry of a property's history.
type wireEntry struct {
	Value      *scalar `json:"value"`
	Timestamp  scalar  `json:"timestamp"`
	SourceType string  `json:"sourceType"`
	SourceID   string  `json:"sourceId"`
}

// value is a property's value; unset and empty are the same.
func (w wireRecord) value(name string) string {
	if v := w.Properties[name]; v != nil {
		return string(*v)
	}
	return ""
}

// formerIDs lists the ids that the record had, or took over by merges.
func (w wireRecord) formerIDs() []string {
	var ids []string
	for _, name := range []string{propMerged, propMergedVIDs, propAllVIDs} {
		for item := range strings.SplitSeq(w.value(name), ";") {
			id, _, _ := strings.Cut(strings.TrimSpace(item), ":")
			if digitsPattern.MatchString(id) && id != string(w.ID) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// readProperties lists what to ask of a record of the kind: the mapped
// properties and those that the client itself looks at.
func (c *Client) readProperties(kind crm.Kind) []string {
	own := []string{propCreated, modifiedProperty(kind), propSource, propSourceID, propMerged, c.twin}
	if kind == crm.Contact {
		own = append(own, propEmail, propAdditionalEmails, propMergedVIDs, propAllVIDs)
	}
	return union(c.mapped[kind], own)
}

// historyProperties lists the properties whose history a read includes.
func (c *Client) historyProperties(kind crm.Kind) []string {
	return union(c.mapped[kind], []string{c.twin})
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func modifiedProperty(kind crm.Kind) string {
	if kind == crm.Company {
		return propCompanyModified
	}
	return propContactModified
}

var (
	errRecordID  = errors.New("a record has no numeric id")
	errTimestamp = errors.New("a time has an unknown form")
	errNoHistory = errors.New("the histories that were asked for are missing")
)

// record turns a wire record that was read with histories into a crm.Record.
func (c *Client) record(kind crm.Kind, w wireRecord) (crm.Record, error) {
	if !digitsPattern.MatchString(string(w.ID)) {
		return crm.Record{}, errRecordID
	}
	rec := crm.Record{
		Ref:    crm.Ref{System: crm.HubSpot, Kind: kind, RecordID: string(w.ID)},
		Fields: make(map[string]string),
		TwinID: w.value(c.twin),
		Former: w.formerIDs(),
	}
	for _, name := range c.mapped[kind] {
		if v := w.value(name); v != "" {
			rec.Fields[name] = v
		}
	}
	if kind == crm.Contact {
		rec.Aliases = additionalEmails(w)
	}
	// Without histories every value would look as if nobody had ever set it.
	if w.Histories == nil && len(rec.Fields) > 0 {
		return crm.Record{}, errNoHistory
	}
	var errs [3]error
	rec.Created, errs[0] = firstTime(w.value(propCreated), w.CreatedAt)
	rec.Modified, errs[1] = firstTime(w.value(modifiedProperty(kind)), w.UpdatedAt)
	rec.History, errs[2] = c.history(w.Histories)
	rec.CreatedByUs = c.own(w.value(propSource), w.value(propSourceID))
	rec.ModifiedByUs = newestIsOwn(rec.History)
	return rec, errors.Join(errs[:]...)
}

// additionalEmails are the addresses beside the primary one under which HubSpot
// knows a contact, as those of the contacts that were merged into it.
func additionalEmails(w wireRecord) map[string][]string {
	var all []string
	for address := range strings.SplitSeq(w.value(propAdditionalEmails), ";") {
		if address = strings.TrimSpace(address); address != "" {
			all = append(all, address)
		}
	}
	if all == nil {
		return nil
	}
	return map[string][]string{propEmail: all}
}

// own reports whether a source names the connector's app. Other apps are
// INTEGRATION too.
func (c *Client) own(sourceType, sourceID string) bool {
	return sourceType == sourceIntegration && sourceID == c.appID
}

// history converts the entries of every property, newest first.
func (c *Client) history(wire map[string][]wireEntry) (map[string][]crm.Edit, error) {
	all := make(map[string][]crm.Edit, len(wire))
	for name, entries := range wire {
		edits := make([]crm.Edit, 0, len(entries))
		for _, e := range entries {
			at, err := parseTime(string(e.Timestamp))
			if err != nil {
				return nil, err
			}
			edit := crm.Edit{At: at, Own: c.own(e.SourceType, e.SourceID)}
			if e.Value != nil {
				edit.Value = string(*e.Value)
			}
			edits = append(edits, edit)
		}
		// HubSpot sends them newest first; entries of one moment keep its order.
		slices.SortStableFunc(edits, func(a, b crm.Edit) int { return b.At.Compare(a.At) })
		if len(edits) > 0 {
			all[name] = edits
		}
	}
	return all, nil
}

// newestIsOwn reports whether the connector made every edit of the newest
// moment in the histories.
func newestIsOwn(history map[string][]crm.Edit) bool {
	var newest time.Time
	own := false
	for _, edits := range history {
		for _, e := range edits {
			switch {
			case e.At.After(newest):
				newest, own = e.At, e.Own
			case e.At.Equal(newest):
				own = own && e.Own
			}
		}
	}
	return own
}

// firstTime parses the first of the texts that is not empty; none gives the
// zero time.
func firstTime(texts ...string) (time.Time, error) {
	for _, s := range texts {
		if s != "" {
			return parseTime(s)
		}
	}
	return time.Time{}, nil
}

// parseTime reads the forms in which HubSpot sends a moment: ISO 8601, or
// milliseconds since 1970.
func parseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), nil
	}
	return time.Time{}, errTimestamp
}
