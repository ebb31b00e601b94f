package zoho

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// scanLimit is how many records a page of a scan has: one API credit pays for
// as many, and every description of COQL allows them.
const scanLimit = 200

// ListChanged finds the records of w.Kind that were last modified from w.Since
// to w.Until, widened to whole seconds, for one API credit a page. Deleted
// records are not found.
//
// It never pages by offset, which would end at 2,000 rows a query and skip a
// record whenever another one moves: each page begins after the time and the id
// where the last one ended.
func (c *Client) ListChanged(ctx context.Context, w crm.Walk) (crm.FoundPage, error) {
	req := request{action: actionScan, method: http.MethodPost, path: "/coql"}
	if err := w.Kind.Validate(); err != nil {
		return crm.FoundPage{}, req.refusedError("BAD_KIND", err)
	}
	if w.From.ID != "" && !isID(w.From.ID) {
		return crm.FoundPage{}, req.refusedError("BAD_IDS", nil)
	}
	req.body = map[string]string{"select_query": buildChangedQuery(w)}
	a, err := c.call(ctx, req)
	if err != nil {
		return crm.FoundPage{}, err
	}
	rows, info, err := req.parseRows(a, "data")
	if err != nil {
		return crm.FoundPage{}, err
	}
	var page crm.FoundPage
	last := w.From
	for _, row := range rows {
		at, err := parseRowTime(row, "Modified_Time")
		if err != nil {
			return crm.FoundPage{}, req.shapeError(a, err.Error())
		}
		ref := crm.Ref{System: crm.Zoho, Kind: w.Kind, RecordID: lookupID(row)}
		if ref.Validate() != nil {
			return crm.FoundPage{}, req.shapeError(a, "a record has no id")
		}
		// The walk relies on the order: without it a record could be missed.
		if precedesPlace(at, ref.RecordID, last) {
			return crm.FoundPage{}, req.shapeError(a, "the records are not in order")
		}
		last = crm.Place{At: at.UTC(), ID: ref.RecordID}
		page.Found = append(page.Found, crm.Found{Ref: ref, At: at.UTC()})
	}
	page.More = len(rows) > 0 && (info.MoreRecords || len(rows) >= scanLimit)
	if page.More {
		page.Next = last
	}
	return page, nil
}

// precedesPlace reports whether a record comes before a place in the order of a
// walk. Ids are numbers.
func precedesPlace(at time.Time, id string, p crm.Place) bool {
	if p.ID == "" || !at.Equal(p.At) {
		return p.ID != "" && at.Before(p.At)
	}
	return len(id) < len(p.ID) || len(id) == len(p.ID) && id <= p.ID
}

// buildChangedQuery returns the query for the records after w.From. COQL
// requires conditions in pairs.
func buildChangedQuery(w crm.Walk) string {
	until := w.Until.UTC()
	if whole := until.Truncate(time.Second); whole.Before(until) {
		until = whole.Add(time.Second)
	}
	behind := "Modified_Time >= " + quoteText(formatTime(w.Since.UTC()))
	if w.From.ID != "" {
		at := quoteText(formatTime(w.From.At.UTC()))
		behind = fmt.Sprintf("(Modified_Time > %s or (Modified_Time = %s and id > %s))", at, at, quoteText(w.From.ID))
	}
	return fmt.Sprintf("select id, Modified_Time from %s where Modified_Time <= %s and %s order by Modified_Time asc, id asc limit 0, %d",
		modules[w.Kind], quoteText(formatTime(until)), behind, scanLimit)
}

// listLimit is how many records a page of a list has: the most that COQL
// returns, for three API credits.
const listLimit = 2_000

// ListRefs walks all records of a kind that are not deleted by their ids.
func (c *Client) ListRefs(ctx context.Context, kind crm.Kind, from crm.Place) (crm.FoundPage, error) {
	req := request{action: actionScan, method: http.MethodPost, path: "/coql"}
	if err := kind.Validate(); err != nil {
		return crm.FoundPage{}, req.refusedError("BAD_KIND", err)
	}
	last := from.ID
	if last == "" {
		last = "0"
	}
	if !isID(last) {
		return crm.FoundPage{}, req.refusedError("BAD_IDS", nil)
	}
	req.body = map[string]string{"select_query": fmt.Sprintf("select id, Modified_Time from %s where id > %s order by id asc limit 0, %d",
		modules[kind], quoteText(last), listLimit)}
	a, err := c.call(ctx, req)
	if err != nil {
		return crm.FoundPage{}, err
	}
	rows, info, err := req.parseRows(a, "data")
	if err != nil {
		return crm.FoundPage{}, err
	}
	var page crm.FoundPage
	for _, row := range rows {
		at, timeErr := parseRowTime(row, "Modified_Time")
		ref := crm.Ref{System: crm.Zoho, Kind: kind, RecordID: lookupID(row)}
		if err := errors.Join(timeErr, ref.Validate()); err != nil {
			return crm.FoundPage{}, req.shapeError(a, "a record has no id or no time")
		}
		if len(ref.RecordID) < len(last) || len(ref.RecordID) == len(last) && ref.RecordID <= last {
			return crm.FoundPage{}, req.shapeError(a, "the records are not in order")
		}
		last = ref.RecordID
		page.Found = append(page.Found, crm.Found{Ref: ref, At: at.UTC()})
	}
	if page.More = len(rows) > 0 && (info.MoreRecords || len(rows) >= listLimit); page.More {
		page.Next = crm.Place{ID: last}
	}
	return page, nil
}

// CountRecords returns how many records of a kind there are, for three API
// credits for 2,000 of them.
func (c *Client) CountRecords(ctx context.Context, kind crm.Kind) (int, error) {
	n := 0
	for from := (crm.Place{}); ; {
		page, err := c.ListRefs(ctx, kind, from)
		n, from = n+len(page.Found), page.Next
		if err != nil || !page.More {
			return n, err
		}
	}
}

// ListDeleted finds the records of w.Kind that were deleted from w.Since on, to
// the recycle bin or permanently, for two API credits a page. Zoho lists 2,000
// of them at most; the page is truncated if there are more.
//
// Zoho pages only by offset here. A record that is restored during the walk
// moves the later ones up by one. So each further page also reads the records
// that moved to the end of the page before it.
func (c *Client) ListDeleted(ctx context.Context, w crm.Walk) (crm.FoundPage, error) {
	req := request{action: actionScan}
	if err := w.Kind.Validate(); err != nil {
		return crm.FoundPage{}, req.refusedError("BAD_KIND", err)
	}
	number := max(w.From.Page, 1)
	all, more, err := c.readDeletedPage(ctx, w, number)
	if number > 1 && isPageLimit(err) {
		return crm.FoundPage{Truncated: true}, nil
	}
	if err != nil {
		return crm.FoundPage{}, err
	}
	page := crm.FoundPage{More: more && len(all) > 0}
	if page.More {
		page.Next = crm.Place{ID: all[len(all)-1].Ref.RecordID, Page: number + 1}
	}
	if number > 1 {
		previous, _, err := c.readDeletedPage(ctx, w, number-1)
		if err != nil {
			return crm.FoundPage{}, err
		}
		seen := slices.IndexFunc(previous, func(f crm.Found) bool { return f.Ref.RecordID == w.From.ID })
		all = append(previous[seen+1:], all...)
	}
	for _, f := range all {
		if !f.At.Before(w.Since.Truncate(time.Second)) {
			page.Found = append(page.Found, f)
		}
	}
	return page, nil
}

func (c *Client) readDeletedPage(ctx context.Context, w crm.Walk, number int) ([]crm.Found, bool, error) {
	req := request{
		action: actionScan, method: http.MethodGet, path: "/" + modules[w.Kind] + "/deleted",
		query: url.Values{"type": {"all"}, "page": {strconv.Itoa(number)}, "per_page": {strconv.Itoa(scanLimit)}},
		// Whether the second itself is included is not documented.
		header: map[string]string{"If-Modified-Since": formatTime(w.Since.UTC().Add(-time.Second))},
	}
	a, err := c.call(ctx, req)
	if err != nil {
		return nil, false, err
	}
	if a.status == http.StatusNotModified {
		return nil, false, nil
	}
	rows, info, err := req.parseRows(a, "data")
	if err != nil {
		return nil, false, err
	}
	all := make([]crm.Found, 0, len(rows))
	for _, row := range rows {
		at, timeErr := parseRowTime(row, "deleted_time")
		ref := crm.Ref{System: crm.Zoho, Kind: w.Kind, RecordID: lookupID(row)}
		if err := errors.Join(timeErr, ref.Validate()); err != nil {
			return nil, false, req.shapeError(a, "a deleted record has no id or no time")
		}
		all = append(all, crm.Found{Ref: ref, At: at.UTC(), Deleted: true})
	}
	return all, info.MoreRecords, nil
}

// isPageLimit reports whether Zoho refuses to list further pages.
func isPageLimit(err error) bool {
	e := crm.AsError(err)
	return e != nil && strings.HasSuffix(e.Code, "PAGINATION_LIMIT_EXCEEDED")
}
