package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const maxControlBody = 16 << 20

// Control is the part of the control API that every simulator has. Fields
// that are nil have no endpoints.
type Control struct {
	Clock     *Clock
	Faults    *Faults
	Recorder  *Recorder
	Deliverer *Deliverer
	// Idle tells whether all deliveries are done; nil = ask the Deliverer. A
	// simulator that gathers events before it delivers them sets it.
	Idle func() bool
}

// Mount adds the endpoints under /_sim/ to mux.
func (c Control) Mount(mux *http.ServeMux) {
	if c.Recorder != nil {
		mux.HandleFunc("GET /_sim/calls", func(w http.ResponseWriter, _ *http.Request) {
			WriteJSON(w, http.StatusOK, map[string]any{"calls": list(c.Recorder.Calls())})
		})
		mux.HandleFunc("POST /_sim/calls/take", func(w http.ResponseWriter, _ *http.Request) {
			WriteJSON(w, http.StatusOK, map[string]any{"calls": list(c.Recorder.Take())})
		})
		mux.HandleFunc("DELETE /_sim/calls", func(w http.ResponseWriter, _ *http.Request) {
			c.Recorder.Reset()
			w.WriteHeader(http.StatusNoContent)
		})
	}
	if c.Faults != nil {
		mux.HandleFunc("POST /_sim/faults", c.addFaults)
		mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
			c.Faults.Clear()
			w.WriteHeader(http.StatusNoContent)
		})
	}
	if c.Clock != nil {
		mux.HandleFunc("POST /_sim/clock", c.advance)
	}
	if c.Deliverer != nil {
		mux.HandleFunc("GET /_sim/deliveries", func(w http.ResponseWriter, _ *http.Request) {
			WriteJSON(w, http.StatusOK, map[string]any{"deliveries": list(c.Deliverer.Deliveries())})
		})
		mux.HandleFunc("DELETE /_sim/deliveries", func(w http.ResponseWriter, _ *http.Request) {
			c.Deliverer.Reset()
			w.WriteHeader(http.StatusNoContent)
		})
		mux.HandleFunc("POST /_sim/deliveries", c.setChaos)
	}
	mux.HandleFunc("GET /_sim/idle", c.idle)
}

func (c Control) addFaults(w http.ResponseWriter, r *http.Request) {
	var raw json.RawMessage
	if !ReadJSON(w, r, &raw) {
		return
	}
	var faults []Fault
	if !bytes.HasPrefix(raw, []byte("[")) {
		raw = append(append([]byte("["), raw...), ']')
	}
	if err := decodeStrictly(bytes.NewReader(raw), &faults); err != nil {
		refuse(w, err)
		return
	}
	for _, f := range faults {
		c.Faults.Add(f)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c Control) advance(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance Duration `json:"advance"`
	}
	if !ReadJSON(w, r, &in) {
		return
	}
	c.Clock.Advance(time.Duration(in.Advance))
	WriteJSON(w, http.StatusOK, map[string]any{"now": c.Clock.Now()})
}

func (c Control) setChaos(w http.ResponseWriter, r *http.Request) {
	var in Chaos
	if !ReadJSON(w, r, &in) {
		return
	}
	c.Deliverer.SetChaos(in)
	w.WriteHeader(http.StatusNoContent)
}

func (c Control) idle(w http.ResponseWriter, _ *http.Request) {
	idle := true
	switch {
	case c.Idle != nil:
		idle = c.Idle()
	case c.Deliverer != nil:
		idle = c.Deliverer.Idle()
	}
	WriteJSON(w, http.StatusOK, map[string]bool{"idle": idle})
}

// ReadJSON decodes the body of a control request; unknown fields are refused.
// When it returns false it has answered 400.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := decodeStrictly(http.MaxBytesReader(w, r.Body, maxControlBody), v); err != nil {
		refuse(w, err)
		return false
	}
	return true
}

// WriteJSON answers a control request.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}

func decodeStrictly(r io.Reader, v any) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("decode the request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("decode the request: something follows the JSON value")
	}
	return nil
}

func refuse(w http.ResponseWriter, err error) {
	WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

// list makes an empty list [] instead of null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
