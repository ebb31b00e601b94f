package hubspot

import (
	"errors"
	"slices"
	"strings"

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

// sourceIntegration marks a value that an app wrote; the source id is then the
// id of the app.
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

// propertyValue returns the value of a property; unset and empty are the same.
func (w wireRecord) propertyValue(name string) string {
	if v := w.Properties[name]; v != nil {
		return string(*v)
	}
	return ""
}

// formerIDs lists the ids that the record had, or took over by merges.
func (w wireRecord) formerIDs() []string {
	var ids []string
	for _, name := range []string{propMerged, propMergedVIDs, propAllVIDs} {
		for item := range strings.SplitSeq(w.propertyValue(name), ";") {
			id, _, _ := strings.Cut(strings.TrimSpace(item), ":")
			if digitsPattern.MatchString(id) && id != string(w.ID) && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// fieldsToRead lists the properties to read of a kind: the mapped ones and
// those that the client itself uses.
func (c *Client) fieldsToRead(kind crm.Kind) []string {
	own := []string{propCreated, modifiedProperty(kind), propSource, propSourceID, propMerged, c.counterpartField}
	if kind == crm.Contact {
		own = append(own, propEmail, propAdditionalEmails, propMergedVIDs, propAllVIDs)
	}
	return mergeNames(c.fields[kind], own)
}

func mergeNames(a, b []string) []string {
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
	errNoHistory = errors.New("the requested histories are missing")
)

// toRecord turns a wire record that was read with histories into a crm.Record.
func (c *Client) toRecord(kind crm.Kind, w wireRecord) (crm.Record, error) {
	if !digitsPattern.MatchString(string(w.ID)) {
		return crm.Record{}, errRecordID
	}
	rec := crm.Record{
		Ref:           crm.Ref{System: crm.HubSpot, Kind: kind, RecordID: string(w.ID)},
		Fields:        make(map[string]string),
		CounterpartID: w.propertyValue(c.counterpartField),
		Former:        w.formerIDs(),
	}
	for _, name := range c.fields[kind] {
		if v := w.propertyValue(name); v != "" {
			rec.Fields[name] = v
		}
	}
	if kind == crm.Contact {
		rec.Aliases = additionalEmails(w)
	}
	// Without histories every value would look as if it had never been set.
	if w.Histories == nil && len(rec.Fields) > 0 {
		return crm.Record{}, errNoHistory
	}
	var errs [3]error
	rec.Created, errs[0] = parseFirstTime(w.propertyValue(propCreated), w.CreatedAt)
	rec.Modified, errs[1] = parseFirstTime(w.propertyValue(modifiedProperty(kind)), w.UpdatedAt)
	rec.History, errs[2] = c.toHistory(w.Histories)
	rec.CreatedByUs = c.isOwnSource(w.propertyValue(propSource), w.propertyValue(propSourceID))
	rec.ModifiedByUs = newestIsOwn(rec.History)
	return rec, errors.Join(errs[:]...)
}

// additionalEmails returns the addresses of a contact beside the primary one,
// such as those of the contacts that were merged into it.
func additionalEmails(w wireRecord) map[string][]string {
	var all []string
	for address := range strings.SplitSeq(w.propertyValue(propAdditionalEmails), ";") {
		if address = strings.TrimSpace(address); address != "" {
			all = append(all, address)
		}
	}
	if all == nil {
		return nil
	}
	return map[string][]string{propEmail: all}
}

func newRef(kind crm.Kind, id string) crm.Ref {
	return crm.Ref{System: crm.HubSpot, Kind: kind, RecordID: id}
}
