package zoho

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
)

// TokenHeader may carry the token of a workflow rule's webhook.
const TokenHeader = "X-Connector-Token"

// workflowBody is the body that a workflow rule posts.
type workflowBody struct {
	Module    string      `json:"module"`
	ID        lenientText `json:"id"`
	Operation string      `json:"operation"`
	Token     lenientText `json:"token"`
}

// ParseWorkflow reads the body that the webhook of a workflow rule posts. Such a
// rule is the other way to receive changes: it does not run for writes of the
// connector. Configure it in Zoho (Setup > Automation > Actions > Webhooks) with
// method POST and this raw JSON body, one rule for each module and operation:
//
//	{"module":"Contacts","id":"${!Contacts.Id}","operation":"update","token":"<ZOHO_WEBHOOK_TOKEN>"}
//
// For companies it is Accounts and ${!Accounts.Id}; the operation is create,
// update or delete. Form data with the same four names will do as well. The
// token may be sent in the header X-Connector-Token instead, which takes
// precedence over the body. Errors never quote the body.
func ParseWorkflow(header http.Header, body []byte) (Notification, error) {
	b, err := readWorkflow(header, body)
	switch {
	case err != nil:
		return Notification{}, fmt.Errorf("zoho workflow webhook: %w", err)
	case b.Module == "":
		return Notification{}, errors.New("zoho workflow webhook: module is missing")
	case b.ID == "":
		return Notification{}, errors.New("zoho workflow webhook: id is missing")
	}
	n := Notification{Kind: moduleKinds[b.Module], Change: parseOperation(b.Operation), Token: Secret(b.Token)}
	if token := header.Get(TokenHeader); token != "" {
		n.Token = Secret(token)
	}
	if isID(string(b.ID)) {
		n.RecordIDs = []string{string(b.ID)}
	} else {
		n.Rejected = []string{"id is not a record id"}
	}
	return n, nil
}

func readWorkflow(header http.Header, body []byte) (workflowBody, error) {
	var b workflowBody
	form, err := readForm(header, body)
	if err != nil {
		return b, errors.New("not form data")
	}
	if form == nil {
		return b, decodeObject(body, &b)
	}
	return workflowBody{
		Module: form.Get("module"), ID: lenientText(form.Get("id")),
		Operation: form.Get("operation"), Token: lenientText(form.Get("token")),
	}, nil
}

// readForm returns nil if the body is no form.
func readForm(header http.Header, body []byte) (url.Values, error) {
	kind, params, _ := mime.ParseMediaType(header.Get("Content-Type")) // a body without a valid type is no form
	switch kind {
	case "application/x-www-form-urlencoded":
		return url.ParseQuery(string(body))
	case "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(int64(len(body)))
		if err != nil {
			return nil, err
		}
		return form.Value, form.RemoveAll()
	}
	return nil, nil
}
