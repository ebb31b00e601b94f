package console

import (
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
)

const (
	// pageSize is how many failures one page lists.
	pageSize = 50
	// groupedFailures is how many of the newest are looked at for their causes.
	groupedFailures = 100
)

// failuresData is the list of failures.
type failuresData struct {
	Open    int
	Groups  []failure.Group
	Partial bool
	// Closed, Cause and Ref are what is filtered by.
	Closed    bool
	Cause     *failure.Group
	CauseID   string
	Ref       string
	RefWrong  bool
	Rows      []failureData
	Next      failure.Place
	Later     bool // the page is not the first
	Dismissal []failure.Dismissal
}

// failureData is one failure as it is shown.
type failureData struct {
	failure.Record
	Task, Message, Remedy string
	Source, Target        place
	CauseID               string
}

// place is a record, with the page of it in its CRM where that is known.
type place struct {
	crm.Ref
	Name, URL string
}

func (c *Console) newPlace(ref crm.Ref) place {
	if ref.Validate() != nil {
		return place{}
	}
	return place{ref, systemName(ref.System) + " " + kindName(ref.Kind) + " " + ref.RecordID, c.Pages.URL(ref)}
}

func (c *Console) newFailureData(r failure.Record) failureData {
	d := failureData{
		Record: r, Task: r.DescribeTask(), Message: r.Cause.Message(), Remedy: r.Cause.Remedy(),
		Source: c.newPlace(r.Ref), CauseID: r.Cause.ID(),
	}
	if r.Record != r.Ref {
		d.Target = c.newPlace(r.Record)
	}
	return d
}

func (c *Console) failuresPage(v request) (shownPage, error) {
	q := v.URL.Query()
	d := failuresData{Closed: q.Get("state") == "closed", Dismissal: failure.Dismissals, Ref: q.Get("ref")}
	if cause := q.Get("cause"); isHexadecimal(cause, causeDigits) && !d.Closed {
		d.CauseID = cause
	}
	l := failure.Listing{Closed: d.Closed, Cause: d.CauseID, Size: pageSize, After: failure.Place(q.Get("after"))}
	if !l.After.IsValid() {
		l.After = ""
	}
	d.Later = l.After != ""
	list, err := c.loadList(v, &d, l)
	if err != nil {
		return shownPage{}, err
	}
	for _, r := range list {
		d.Rows = append(d.Rows, c.newFailureData(r))
	}
	return shownPage{"failures", "Failures", d}, nil
}

// loadList fills in what is around the list, and returns the failures of the page.
func (c *Console) loadList(v request, d *failuresData, l failure.Listing) ([]failure.Record, error) {
	if plain := !d.Closed && d.CauseID == "" && d.Ref == "" && !d.Later; plain {
		return c.loadFirstPage(v, d)
	}
	var err error
	if d.Open, err = c.Failures.CountFailures(v.Context(), ""); err != nil {
		return nil, err
	}
	if d.Ref != "" {
		ref, wrong := crm.ParseRef(d.Ref)
		if d.RefWrong = wrong != nil; d.RefWrong {
			return nil, nil
		}
		return c.Failures.ListFailures(v.Context(), failure.Filter{Ref: ref, Resolved: true}, pageSize)
	}
	list, next, err := c.Failures.PageFailures(v.Context(), l)
	if err != nil || d.CauseID == "" || len(list) == 0 {
		d.Next = next
		return list, err
	}
	d.Next, d.Cause = next, &failure.GroupByCause(list)[0]
	d.Cause.Failures, err = c.Failures.CountFailures(v.Context(), d.CauseID)
	return list, err
}

// loadFirstPage is the first page of all that is open, with the causes.
func (c *Console) loadFirstPage(v request, d *failuresData) ([]failure.Record, error) {
	causes, err := c.Failures.GroupFailures(v.Context(), groupedFailures)
	d.Open, d.Groups, d.Partial = causes.Open, causes.Groups, causes.Partial
	list := causes.Newest
	if len(list) > pageSize {
		list = list[:pageSize]
		last := list[pageSize-1]
		d.Next = failure.PlaceOf(last.LastSeen, last.ID)
	}
	return list, err
}

// failurePageData is one failure with what else its record has.
type failurePageData struct {
	failureData
	Dismissal []failure.Dismissal
	Why       string // it was dismissed
}

func (c *Console) failurePage(v request) (shownPage, error) {
	id := v.URL.Query().Get("id")
	if !isHexadecimal(id, idDigits) {
		return shownPage{}, notFound("This is not the id of a failure.")
	}
	list, err := c.Failures.ListFailures(v.Context(), failure.Filter{IDs: []string{id}, Resolved: true}, 1)
	if err != nil {
		return shownPage{}, err
	}
	if len(list) == 0 {
		return shownPage{}, notFound("This failure is no longer kept. Closed ones are kept for 30 days.")
	}
	d := failurePageData{failureData: c.newFailureData(list[0]), Dismissal: failure.Dismissals, Why: list[0].Dismissed.Text()}
	return shownPage{"failure", "Failure", d}, nil
}
