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
		Short: "Explain the state of a record",
		Long: `Read a record on both sides, and show how the two are linked, which side wins in
each field and why, the events of both, and the parked operations. Nothing is
written.

Values are shown on a terminal; elsewhere only with --values.`,
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
			v := explanationWriter{w: c.OutOrStdout(), values: values || isTerminal(c.OutOrStdout()), field: field}
			return withOperator(c, getenv, func(d *functions.Operator) error { return runExplain(c.Context(), d, kind, args[1], v) })
		},
	}
	c.Flags().BoolVar(&values, "values", false, "show values even if the output is not a terminal")
	return c
}

func runExplain(ctx context.Context, d *functions.Operator, kind crm.Kind, text string, v explanationWriter) error {
	clients, err := d.ConnectClients(ctx)
	if err != nil {
		return err
	}
	object := clients.Mapping.Object(kind)
	if object == nil {
		return fmt.Errorf("the mapping has no object %s, so such records are not synchronised", kind)
	}
	if v.field != "" && object.Field(v.field) == nil {
		return fmt.Errorf("%s has no field %q: the mapping has %s", kind, v.field, strings.Join(listFieldNames(object), ", "))
	}
	s, err := d.NewExplainer(ctx, clients)
	if err != nil {
		return err
	}
	refs, err := s.FindRecords(ctx, kind, text)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return errors.New("neither CRM and no link has such a record: give a record's id, or the exact value of a match field such as the e-mail address")
	}
	shown := map[string]bool{}
	for _, ref := range refs {
		e, err := s.Explain(ctx, ref)
		if err != nil {
			return fmt.Errorf("explain %s: %w", ref, err)
		}
		if e.Linked && shown[e.Link.ID] {
			continue // its counterpart was shown
		}
		shown[e.Link.ID] = true
		parked, err := listParked(ctx, d, e)
		if err != nil {
			return err
		}
		if err := v.writeExplanation(e, parked); err != nil {
			return err
		}
	}
	return nil
}

// listParked lists the failures of both records, the resolved ones too.
func listParked(ctx context.Context, d *functions.Operator, e syncer.Explanation) ([]failure.Record, error) {
	store, err := d.OpenFailures(ctx)
	if err != nil {
		return nil, err
	}
	refs := []crm.Ref{e.Asked}
	if counterpart := e.Link.Ref(e.Asked.System.Other()); e.Linked && counterpart.RecordID != "" {
		refs = append(refs, counterpart)
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

// event is one line of the history.
type event struct {
	at   time.Time
	text string
}
