package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

func explainCommand(getenv func(string) string) *cobra.Command {
	var values bool
	c := &cobra.Command{
		Use:   "explain contact|company ID|E-MAIL|DOMAIN [FIELD]",
		Short: "Tell why a record is as it is",
		Long: `Read a record on both sides and tell how the two are linked, who wins in each
field and why, what happened when, and what is parked. Nothing is written.

Values are shown on a terminal only; elsewhere --values asks for them.`,
		Example: `  connector explain contact ada@example.com
  connector explain company 508369434347
  connector explain contact 5725767000000524001 phone`,
		Args: cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			kind, err := parseKind(args[0])
			if err != nil {
				return err
			}
			field := ""
			if len(args) == 3 {
				field = args[2]
			}
			v := view{w: c.OutOrStdout(), values: values || isTerminal(c.OutOrStdout()), field: field}
			return atDesk(c, getenv, func(d *functions.Desk) error { return runExplain(c.Context(), d, kind, args[1], v) })
		},
	}
	c.Flags().BoolVar(&values, "values", false, "show values although the output is no terminal")
	return c
}

func runExplain(ctx context.Context, d *functions.Desk, kind crm.Kind, text string, v view) error {
	clients, err := d.Clients(ctx)
	if err != nil {
		return err
	}
	object := clients.Mapping.Object(kind)
	if object == nil {
		return fmt.Errorf("the mapping has no object %s: nothing is synchronised", kind)
	}
	if v.field != "" && object.Field(v.field) == nil {
		return fmt.Errorf("%s has no field %q: the mapping has %s", kind, v.field, strings.Join(fieldList(object), ", "))
	}
	s, err := d.Explainer(ctx, clients)
	if err != nil {
		return err
	}
	refs, err := s.Lookup(ctx, kind, text)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return errors.New("neither CRM has such a record, nor does a link: give a record's id, or the exact value of a match field such as the e-mail address")
	}
	shown := map[string]bool{}
	for _, ref := range refs {
		e, err := s.Explain(ctx, ref)
		if err != nil {
			return fmt.Errorf("explain %s: %w", ref, err)
		}
		if e.Linked && shown[e.Link.ID] {
			continue // the twin of one that was shown
		}
		shown[e.Link.ID] = true
		parked, err := parkedOf(ctx, d, e)
		if err != nil {
			return err
		}
		if err := v.explanation(e, parked); err != nil {
			return err
		}
	}
	return nil
}

// parkedOf lists the failures of both records, the resolved ones too.
func parkedOf(ctx context.Context, d *functions.Desk, e syncer.Explanation) ([]failure.Record, error) {
	store, err := d.Failures(ctx)
	if err != nil {
		return nil, err
	}
	refs := []crm.Ref{e.Asked}
	if twin := e.Link.Ref(e.Asked.System.Other()); e.Linked && twin.RecordID != "" {
		refs = append(refs, twin)
	}
	var all []failure.Record
	seen := map[string]bool{}
	for _, ref := range refs {
		list, err := store.ListFailures(ctx, failure.Filter{Ref: ref, Resolved: true}, 0)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if !seen[r.ID] {
				seen[r.ID] = true
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// event is one line of what happened.
type event struct {
	at   time.Time
	text string
}
