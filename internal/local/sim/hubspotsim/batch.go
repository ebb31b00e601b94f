package hubspotsim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxBatch   = 100
	maxHistory = 50 // inputs of a batch read with histories
)

// batch gathers the results of a batch operation.
type batch struct {
	success int // status when nothing went wrong
	started time.Time
	results []recordJSON
	errors  []*apiError
}

// reply shuffles the results: callers must join by id.
func (s *Server) reply(r *request, b batch) (*reply, error) {
	s.rng.Shuffle(len(b.results), func(i, j int) { b.results[i], b.results[j] = b.results[j], b.results[i] })
	if b.results == nil {
		b.results = []recordJSON{}
	}
	return s.envelope(r, b.success, b.started, b.results, b.errors), nil
}

// envelope is the answer of any batch. With errors the status is 207.
func (s *Server) envelope(r *request, success int, started time.Time, results any, errs []*apiError) *reply {
	body := map[string]any{"status": "COMPLETE", "results": results,
		"startedAt": stamp(started), "completedAt": stamp(s.now())}
	if len(errs) > 0 {
		body["errors"], body["numErrors"] = errs, len(errs)
		if !s.cfg.Version200 || r.version != "2026-09" {
			success = http.StatusMultiStatus
		}
	}
	return &reply{status: success, body: body}
}

func errHistoryLimit() *apiError {
	return invalid("The maximum number of inputs supported in a batch request for property histories is 50. Reduce the number of inputs and try again.")
}

// size checks the number of inputs.
func size(n int) error {
	switch {
	case n == 0:
		return invalid("Invalid input JSON: inputs must not be empty")
	case n > maxBatch:
		return invalid("The maximum number of inputs supported in a batch request is %d. Received %d.", maxBatch, n)
	}
	return nil
}

// distinct refuses ids that occur twice.
func distinct(ids []string) error {
	seen, twice := map[string]bool{}, []string{}
	for _, id := range ids {
		if seen[id] && !slices.Contains(twice, id) {
			twice = append(twice, id)
		}
		seen[id] = true
	}
	if len(twice) == 0 {
		return nil
	}
	e := invalid("Duplicate IDs found in batch input: [%s]. IDs must be unique", strings.Join(twice, ", "))
	e.Context = map[string][]string{"ids": twice}
	return e
}

func ids(rows []write) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = row.ID
	}
	return out
}

// rows decodes and checks the inputs of a write.
func (r *request) rows() ([]write, error) {
	var in struct {
		Inputs []write `json:"inputs"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	return in.Inputs, size(len(in.Inputs))
}

func (s *Server) batchRead(r *request, k *kind) (*reply, error) {
	var in struct {
		Properties []string `json:"properties"`
		History    []string `json:"propertiesWithHistory"`
		IDProperty string   `json:"idProperty"`
		Inputs     []write  `json:"inputs"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := size(len(in.Inputs)); err != nil {
		return nil, err
	}
	if len(in.History) > 0 && len(in.Inputs) > maxHistory {
		return nil, errHistoryLimit()
	}
	if err := distinct(ids(in.Inputs)); err != nil {
		return nil, err
	}
	b := batch{success: http.StatusOK, started: s.now()}
	v := view{properties: in.Properties, history: in.History}
	var missing []string
	shown := map[int64]bool{} // two addresses may lead to one contact
	for _, row := range in.Inputs {
		rec, err := s.batchFind(k, row.ID, in.IDProperty)
		if err != nil {
			return nil, err
		}
		switch {
		case rec == nil || rec.archived.IsZero() == r.archived():
			missing = append(missing, row.ID)
		case !shown[rec.id]:
			shown[rec.id] = true
			b.results = append(b.results, s.render(rec, v))
		}
	}
	if len(missing) > 0 {
		b.errors = []*apiError{errMissingIDs(k, missing)}
	}
	return s.reply(r, b)
}

// batchFind resolves one id of a batch read; nil = not found.
func (s *Server) batchFind(k *kind, id, idProperty string) (*record, error) {
	if idProperty != "" && idProperty != "hs_object_id" {
		if k.unique[idProperty] == nil {
			return nil, invalid("idProperty %s is not a unique identifier property", idProperty)
		}
		holder, found := k.holder(idProperty, id)
		if !found {
			return nil, nil
		}
		return k.records[holder], nil
	}
	n, isNumber := numeric(id)
	if !isNumber {
		return nil, invalid("Invalid input JSON: %s is not a valid id", id)
	}
	if s.cfg.BatchReadFollowsMerge {
		n = k.survivor(n)
	}
	return k.records[n], nil
}

// batchCreate isolates a bad row only when every row has a trace id.
func (s *Server) batchCreate(r *request, k *kind) (*reply, error) {
	rows, err := r.rows()
	if err != nil {
		return nil, err
	}
	b := batch{success: http.StatusCreated, started: s.now()}
	if slices.ContainsFunc(rows, func(w write) bool { return w.TraceID == "" }) {
		if err := s.checkAll(r, k, rows); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		rec, apiErr := s.create(r, k, row)
		if apiErr != nil {
			b.errors = append(b.errors, traced(apiErr, row.TraceID))
			continue
		}
		out := s.full(rec)
		out.TraceID = row.TraceID
		b.results = append(b.results, out)
	}
	return s.reply(r, b)
}

// traced makes a batch item of an error.
func traced(e *apiError, traceID string) *apiError {
	if e.Category == conflict {
		e.Message = "Contact already exists"
	}
	if e.Context == nil {
		e.Context = map[string][]string{}
	}
	e.Context["objectWriteTraceId"] = []string{traceID}
	return e
}

// checkAll checks an untraced create as a whole; a conflict names no id.
func (s *Server) checkAll(r *request, k *kind, rows []write) error {
	taken := claimed{}
	var wrong []fieldError
	changes := make([]change, len(rows))
	for i, row := range rows {
		c, w := s.check(k, nil, row.Properties)
		wrong = append(wrong, w...)
		changes[i] = c
	}
	if len(wrong) > 0 {
		return s.errFields(wrong)
	}
	for i, row := range rows {
		if _, err := s.checkNew(k, row.Properties, r.version); err != nil {
			return err
		}
		if err := s.checkNewLinks(k, row.Associations); err != nil {
			return err
		}
		if err := s.clash(k, -1-int64(i), changes[i], taken); err != nil {
			if err.Category == conflict {
				return fail(http.StatusConflict, conflict, "Contact already exists")
			}
			return err
		}
	}
	return nil
}

// plan is a checked batch of updates.
type plan struct {
	record *record // nil = to be created
	change change
}

// batchUpdate takes ids of living records only. One bad row fails the batch.
func (s *Server) batchUpdate(r *request, k *kind) (*reply, error) {
	rows, err := r.rows()
	if err != nil {
		return nil, err
	}
	if err := distinct(ids(rows)); err != nil {
		return nil, err
	}
	b := batch{success: http.StatusOK, started: s.now()}
	plans := make([]plan, 0, len(rows))
	var missing []string
	var wrong []fieldError
	for _, row := range rows {
		rec, err := k.updatable(row)
		if err != nil {
			return nil, err
		}
		c, w := s.check(k, rec, row.Properties)
		wrong = append(wrong, w...)
		if rec == nil {
			missing = append(missing, row.ID)
			continue
		}
		plans = append(plans, plan{rec, c})
	}
	if len(wrong) > 0 {
		return nil, s.errFields(wrong)
	}
	if err := s.clashAll(k, plans); err != nil {
		return nil, err
	}
	for _, p := range plans {
		if err := s.alter(p.record, p.change, s.app(), time.Time{}); err != nil {
			return nil, err
		}
		b.results = append(b.results, s.full(p.record))
	}
	if len(missing) > 0 {
		b.errors = []*apiError{errMissingIDs(k, missing)}
	}
	return s.reply(r, b)
}

// updatable finds the record of a batch update row; nil = not found.
func (k *kind) updatable(row write) (*record, error) {
	if row.IDProperty != "" && row.IDProperty != "hs_object_id" {
		return nil, invalid("idProperty is not supported here: use record ids")
	}
	n, isNumber := numeric(row.ID)
	if !isNumber {
		return nil, invalid("Invalid input JSON: %s is not a valid id", row.ID)
	}
	return k.live(n), nil
}

func (s *Server) clashAll(k *kind, plans []plan) error {
	taken := claimed{}
	for i, p := range plans {
		id := -1 - int64(i)
		if p.record != nil {
			id = p.record.id
		}
		if err := s.clash(k, id, p.change, taken); err != nil {
			return err
		}
	}
	return nil
}

// batchUpsert finds by one unique property and creates what is missing.
func (s *Server) batchUpsert(r *request, k *kind) (*reply, error) {
	rows, err := r.rows()
	if err != nil {
		return nil, err
	}
	if err := distinct(ids(rows)); err != nil {
		return nil, err
	}
	plans, err := s.planUpserts(r, k, rows)
	if err != nil {
		return nil, err
	}
	if err := s.clashAll(k, plans); err != nil {
		return nil, err
	}
	b := batch{success: http.StatusOK, started: s.now()}
	for _, p := range plans {
		created := p.record == nil
		if created {
			p.record = s.insert(k, p.change, s.app(), time.Time{})
		} else if err := s.alter(p.record, p.change, s.app(), time.Time{}); err != nil {
			return nil, err
		}
		out := s.full(p.record)
		out.New = &created
		b.results = append(b.results, out)
	}
	return s.reply(r, b)
}

func (s *Server) planUpserts(r *request, k *kind, rows []write) ([]plan, error) {
	var wrong []fieldError
	plans := make([]plan, len(rows))
	full := make([]map[string]any, len(rows))
	for i, row := range rows {
		name := row.IDProperty
		if k.unique[name] == nil || row.ID == "" || name != rows[0].IDProperty {
			return nil, invalid("idProperty must be the same unique identifier property in every input")
		}
		holder, found := k.holder(name, row.ID)
		if found && name == "email" {
			return nil, invalid("Partial upserts are not supported when using email as the idProperty")
		}
		if found {
			plans[i].record = k.records[holder]
		}
		full[i] = map[string]any{name: row.ID}
		maps.Copy(full[i], row.Properties)
		c, w := s.check(k, plans[i].record, full[i])
		plans[i].change = c
		wrong = append(wrong, w...)
	}
	if len(wrong) > 0 {
		return nil, s.errFields(wrong)
	}
	for i, p := range plans {
		if p.record == nil {
			if _, err := s.checkNew(k, full[i], r.version); err != nil {
				return nil, err
			}
		}
	}
	return plans, nil
}

func (s *Server) batchArchive(r *request, k *kind) (*reply, error) {
	rows, err := r.rows()
	if err != nil {
		return nil, err
	}
	if err := distinct(ids(rows)); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if _, isNumber := numeric(row.ID); !isNumber {
			return nil, invalid("Invalid input JSON: %s is not a valid id", row.ID)
		}
	}
	for _, row := range rows {
		n, _ := numeric(row.ID)
		if rec := k.live(n); rec != nil {
			s.archive(rec, s.app())
		}
	}
	return &reply{status: http.StatusNoContent}, nil
}
