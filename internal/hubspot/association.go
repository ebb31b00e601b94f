package hubspot

import (
	"context"
	"net/http"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	areaAssociations = "associations"
	// typePrimaryCompany is the type of the association of a contact with its
	// primary company. HubSpot takes the label off the company that had it; the
	// association with that company stays, without a label.
	typePrimaryCompany = 1
	codeNoCompany      = "COMPANY_NOT_FOUND"
)

type associationType struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}

var primaryCompany = []associationType{{"HUBSPOT_DEFINED", typePrimaryCompany}}

// newAssociation is an association in the body of a create.
type newAssociation struct {
	To    batchInput        `json:"to"`
	Types []associationType `json:"types"`
}

// initialAssociations returns the associations of a new contact: the one with
// its primary company, if it has one.
func initialAssociations(w crm.Write) []newAssociation {
	company := w.Fields[propCompany].Text
	if company == "" {
		return nil
	}
	return []newAssociation{{batchInput{company}, primaryCompany}}
}

// association is one input of a batch of associations. To is one id when the
// association is made and a list of ids when it is ended.
type association struct {
	From  batchInput        `json:"from"`
	To    any               `json:"to"`
	Types []associationType `json:"types,omitempty"`
}

type associationBatch struct {
	Inputs []association `json:"inputs"`
}

type associationAnswer struct {
	NumErrors int         `json:"numErrors"`
	Errors    []errorBody `json:"errors"`
}

// writeAssociations makes companies the primary ones of contacts, as the
// updates ask, and returns one error for each update. A contact keeps its other
// companies, the former primary one too. An empty id ends the association with
// the company that was primary when the record was read: to take only the label
// off would leave the contact at a company that it has left.
//
// A company that HubSpot refuses is an error of kind Invalid that names the
// property in which a contact shows its primary company.
func (c *Client) writeAssociations(ctx context.Context, kind crm.Kind, updates []crm.Update) []error {
	errs := make([]error, len(updates))
	if kind != crm.Contact {
		return errs
	}
	var made, ended []associationRow
	for i, u := range updates {
		company, given := u.Write.Fields[propCompany]
		had, ref := u.Record.Fields[propCompany], u.Record.Ref
		if !given || company.Text == had || ref.System != crm.HubSpot || ref.Kind != kind || ref.Validate() != nil {
			continue
		}
		a := association{From: batchInput{ref.RecordID}}
		if company.Text == "" {
			a.To = []batchInput{{had}}
			ended = append(ended, associationRow{&errs[i], ref.RecordID, a})
			continue
		}
		a.To, a.Types = batchInput{company.Text}, primaryCompany
		made = append(made, associationRow{&errs[i], ref.RecordID, a})
	}
	for chunk := range slices.Chunk(made, MaxWrite) {
		c.sendAssociations(ctx, "/companies/batch/create", chunk)
	}
	for chunk := range slices.Chunk(ended, MaxWrite) {
		c.sendAssociations(ctx, "/companies/batch/archive", chunk)
	}
	return errs
}

// associationRow is one input of a batch, and the place for its error.
type associationRow struct {
	err     *error
	contact string
	input   association
}

// sendAssociations sends one batch. An error does not say which input it is
// about, so after one the inputs are sent one by one. Inputs that succeeded
// already stay as they are when they are sent again.
func (c *Client) sendAssociations(ctx context.Context, path string, rows []associationRow) {
	req := request{action: actionUpdate, method: http.MethodPost, area: areaAssociations, path: path, kind: crm.Contact}
	var body associationBatch
	for _, r := range rows {
		body.Inputs = append(body.Inputs, r.input)
	}
	req.body = body
	var answer associationAnswer
	status, err := c.call(ctx, req, &answer)
	var about []string
	switch {
	case err != nil:
	case len(answer.Errors) > 0:
		err, about = req.itemError(status, answer.Errors[0]), answer.Errors[0].recordIDs()
	case answer.NumErrors > 0:
		err = req.refusedError("the batch counts errors but does not list them", status)
	}
	if e := crm.AsError(err); e != nil && len(rows) > 1 && !e.Temporary() {
		for i := range rows {
			c.sendAssociations(ctx, path, rows[i:i+1])
		}
		return
	}
	for _, r := range rows {
		if err != nil {
			*r.err = blameCompany(err, about, r.contact)
		}
	}
}

// blameCompany turns an error about the company, or about the association as
// such, into one about a field, so that the rest of the record is written. An
// error that says that the contact itself is gone is returned unchanged.
func blameCompany(err error, about []string, contact string) error {
	e := crm.AsError(err)
	switch {
	case e == nil, e.Kind != crm.NotFound && e.Kind != crm.Refused && e.Kind != crm.Invalid, e.Status == 0:
		return err
	case e.Kind == crm.NotFound && slices.Contains(about, contact):
		return err
	case e.Kind == crm.Refused && e.Code != codeValidation:
		return err
	}
	code := e.Code
	if e.Kind == crm.NotFound {
		code = codeNoCompany
	}
	e.Kind, e.Fields = crm.Invalid, []crm.FieldError{{Field: propCompany, Code: code}}
	return e
}
