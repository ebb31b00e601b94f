package zoho

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	// MaxFind is how many lists of keys one query looks for.
	MaxFind = 200
	// maxInList is how many values one condition has of a query, and
	// maxConditions how many conditions in a query.
	maxInList     = 50
	maxConditions = 25
	// maxRows is how many rows one API credit pays for; maxRowsOfOneList is
	// enough for one list of keys.
	maxRows          = 200
	maxRowsOfOneList = 50
)

// Find returns the records that match the first key that matches any, the
// oldest first. The counterpart field is compared exactly, any other without
// regard to case and surrounding blanks. It costs one API credit, and one per
// key if more than 50 records match.
//
// A host is found anywhere in the text. A key with an empty value finds
// nothing, nor does one with a backslash or a control character, whose meaning
// in a query is unknown.
//
// Find uses COQL, which includes a record sooner than the search index does,
// but no query proves that a record is absent.
func (c *Client) Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	answer := c.FindMany(ctx, kind, [][]crm.Key{keys})[0]
	return answer.Value, answer.Err
}

// FindMany is Find for many lists of keys, MaxFind with a query. A query that
// Zoho refuses, or that has more rows than a page, is divided.
func (c *Client) FindMany(ctx context.Context, kind crm.Kind, lists [][]crm.Key) []crm.Answer[[]crm.Record] {
	req := request{action: actionFind, method: http.MethodPost, path: "/coql"}
	answers := make([]crm.Answer[[]crm.Record], len(lists))
	var all []keyList
	for i, keys := range lists {
		usable, ok := c.usableKeys(keys)
		switch {
		case kind.Validate() != nil:
			answers[i].Err = req.refusedError("BAD_KIND", kind.Validate())
		case !ok:
			answers[i].Err = req.refusedError("BAD_KEY_FIELD", nil)
		case len(usable) > 0:
			all = append(all, keyList{&answers[i], usable})
		}
	}
	if len(all) == 0 {
		return answers
	}
	user, err := c.readOwnUser(ctx)
	if err != nil {
		failAll(all, err)
		return answers
	}
	for len(all) > 0 {
		n := countFitting(all)
		c.findLists(ctx, req, kind, user, all[:n])
		all = all[n:]
	}
	return answers
}

// keyList is a list of keys, and the place for its answer.
type keyList struct {
	answer *crm.Answer[[]crm.Record]
	keys   []crm.Key
}

func failAll(all []keyList, err error) {
	for _, s := range all {
		s.answer.Err = err
	}
}

// countFitting returns how many of the lists fit into one query.
func countFitting(all []keyList) int {
	values := map[string]int{}
	conditions := 0
	for n, s := range all {
		for _, key := range s.keys {
			if key.Host != crm.WholeValue {
				conditions++
				continue
			}
			if values[key.Field]%maxInList == 0 {
				conditions++
			}
			values[key.Field]++
		}
		if n > 0 && (conditions > maxConditions || n == MaxFind) {
			return n
		}
	}
	return len(all)
}

// findLists looks for the lists with one query, or with one for each half if
// that fails.
func (c *Client) findLists(ctx context.Context, req request, kind crm.Kind, user string, all []keyList) {
	if len(all) == 1 {
		all[0].answer.Value, all[0].answer.Err = c.findOne(ctx, req, kind, user, all[0].keys)
		return
	}
	var keys []crm.Key
	for _, s := range all {
		keys = append(keys, s.keys...)
	}
	rows, more, err := c.runQuery(ctx, req, kind, keys, maxRows)
	if more || crm.IsKind(err, crm.Refused) || crm.IsKind(err, crm.Invalid) {
		c.findLists(ctx, req, kind, user, all[:len(all)/2])
		c.findLists(ctx, req, kind, user, all[len(all)/2:])
		return
	}
	if err != nil {
		failAll(all, err)
		return
	}
	for _, s := range all {
		s.answer.Value, s.answer.Err = c.firstKeyMatches(ctx, req, kind, user, rows, s.keys)
	}
}

// findOne looks for one list of keys.
func (c *Client) findOne(ctx context.Context, req request, kind crm.Kind, user string, keys []crm.Key) ([]crm.Record, error) {
	rows, more, err := c.runQuery(ctx, req, kind, keys, maxRowsOfOneList)
	if err != nil {
		return nil, err
	}
	// Records that match a later key must not crowd out the first one's.
	for i := 0; more && len(keys) > 1 && i < len(keys); i++ {
		if rows, _, err = c.runQuery(ctx, req, kind, keys[i:i+1], maxRowsOfOneList); err != nil {
			return nil, err
		}
		if c.matchingRows(rows, keys[i]) != nil {
			break
		}
	}
	return c.firstKeyMatches(ctx, req, kind, user, rows, keys)
}

// firstKeyMatches returns the rows that match the first key that matches any.
func (c *Client) firstKeyMatches(ctx context.Context, req request, kind crm.Kind, user string, rows []map[string]any, keys []crm.Key) ([]crm.Record, error) {
	for _, key := range keys {
		if found := c.matchingRows(rows, key); found != nil {
			return c.toRecordsOldestFirst(ctx, req, kind, found, user)
		}
	}
	return nil, nil
}

// usableKeys drops the keys that find nothing and names the counterpart field.
// It is not ok if a field is not an API name, since the name is put into the
// query as it is.
func (c *Client) usableKeys(keys []crm.Key) ([]crm.Key, bool) {
	var usable []crm.Key
	for _, key := range keys {
		if key.Field == "" {
			key.Field = c.counterpartField
		}
		if !apiNamePattern.MatchString(key.Field) {
			return nil, false
		}
		if strings.TrimSpace(key.Value) != "" && !strings.ContainsFunc(key.Value, isUnquotable) {
			usable = append(usable, key)
		}
	}
	return usable, true
}

func isUnquotable(r rune) bool { return r == '\\' || unicode.IsControl(r) }

// runQuery returns the records that match any of the keys.
func (c *Client) runQuery(ctx context.Context, req request, kind crm.Kind, keys []crm.Key, limit int) ([]map[string]any, bool, error) {
	req.body = map[string]string{"select_query": c.buildFindQuery(kind, keys, limit)}
	a, err := c.call(ctx, req)
	if err != nil {
		return nil, false, err
	}
	rows, info, err := req.parseRows(a, "data")
	return rows, info.MoreRecords, err
}

// buildFindQuery returns the query. COQL requires brackets around every pair of
// conditions as soon as there are more than two.
func (c *Client) buildFindQuery(kind crm.Kind, keys []crm.Key, limit int) string {
	columns := appendNew(c.fieldsToRead(kind), systemFields...)
	for _, key := range keys {
		columns = appendNew(columns, key.Field)
	}
	where := ""
	all := buildConditions(keys)
	for i, condition := range all {
		switch i {
		case 0:
			where = condition
		case 1:
			where += " or " + condition
		default:
			where = "(" + where + ") or " + condition
		}
	}
	if len(all) > 2 {
		where = "(" + where + ")"
	}
	return "select " + strings.Join(columns, ", ") + " from " + modules[kind] +
		" where " + where + " order by Created_Time asc limit 0, " + strconv.Itoa(limit)
}

// buildConditions compares each field with its values, maxInList in one
// condition.
func buildConditions(keys []crm.Key) []string {
	values := map[string][]string{}
	var fields []string
	var all []string
	for _, key := range keys {
		if key.Host != crm.WholeValue {
			all = appendNew(all, key.Field+" like "+quoteText("%"+key.Value+"%"))
			continue
		}
		fields = appendNew(fields, key.Field)
		values[key.Field] = appendNew(values[key.Field], quoteText(key.Value))
	}
	for _, field := range fields {
		for chunk := range slices.Chunk(values[field], maxInList) {
			if len(chunk) == 1 {
				all = append(all, field+" = "+chunk[0])
			} else {
				all = append(all, field+" in ("+strings.Join(chunk, ", ")+")")
			}
		}
	}
	return all
}

// quoteText returns a text literal of COQL. Either kind of quotation mark may
// enclose it, so nothing needs an escape unless the text contains both. Then
// the mark is doubled, as in SQL. If that were wrong, two literals would stand
// side by side, which is an error and never another query.
func quoteText(text string) string {
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// matchingRows returns the rows that match the key, nil if none.
func (c *Client) matchingRows(rows []map[string]any, key crm.Key) []map[string]any {
	var found []map[string]any
	for _, row := range rows {
		text := valueText(row[key.Field])
		if key.Host != crm.WholeValue {
			if hasHost(text, key) {
				found = append(found, row)
			}
			continue
		}
		if text == key.Value || key.Field != c.counterpartField &&
			strings.EqualFold(strings.TrimSpace(text), strings.TrimSpace(key.Value)) {
			found = append(found, row)
		}
	}
	return found
}

// hasHost reports whether a web address has the host that a key looks for.
func hasHost(address string, key crm.Key) bool {
	host := strings.ToLower(strings.TrimSpace(address))
	if _, rest, found := strings.Cut(host, "://"); found {
		host = rest
	}
	if end := strings.IndexAny(host, "/?#:"); end >= 0 {
		host = host[:end]
	}
	if key.Host == crm.BelowHost {
		return strings.HasSuffix(host, "."+key.Value)
	}
	return strings.TrimPrefix(host, "www.") == strings.TrimPrefix(key.Value, "www.")
}

// toRecordsOldestFirst converts rows and sorts the records by age.
func (c *Client) toRecordsOldestFirst(ctx context.Context, req request, kind crm.Kind, rows []map[string]any, user string) ([]crm.Record, error) {
	records := make([]crm.Record, 0, len(rows))
	for _, row := range rows {
		rec, err := c.toRecord(kind, row, c.fieldsToRead(kind), user)
		if err != nil {
			return nil, req.refusedError("UNKNOWN_SHAPE", err)
		}
		if rec, err = c.nameOwners(ctx, req, rec); err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	slices.SortStableFunc(records, func(a, b crm.Record) int {
		return cmp.Or(a.Created.Compare(b.Created), len(a.Ref.RecordID)-len(b.Ref.RecordID),
			strings.Compare(a.Ref.RecordID, b.Ref.RecordID))
	})
	return records, nil
}
