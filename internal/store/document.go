package store

import (
	"context"
	"errors"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// decodeDocument decodes a document with the error of its read. found is false for
// one that does not exist.
func decodeDocument[T any](snap *firestore.DocumentSnapshot, readErr error) (doc T, found bool, err error) {
	if status.Code(readErr) == codes.NotFound {
		return doc, false, nil
	}
	if readErr != nil {
		return doc, false, readErr
	}
	return doc, true, snap.DataTo(&doc)
}

// loadDocument reads a document, the zero value where there is none.
func loadDocument[T any](ctx context.Context, ref *firestore.DocumentRef) (T, error) {
	snap, err := ref.Get(ctx)
	doc, _, err := decodeDocument[T](snap, err)
	return doc, err
}

// errUnchanged is returned by a change that leaves the document as it is.
var errUnchanged = errors.New("the document stays as it is")

// changeDocument stores what change makes of a document, in one transaction. change
// gets the zero value where there is no document. It is called again after a
// conflict, so it changes nothing else that it does not set anew.
func changeDocument[T any](ctx context.Context, client *firestore.Client, ref *firestore.DocumentRef, change func(*T) error) error {
	return client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		snap, err := tx.Get(ref)
		doc, _, err := decodeDocument[T](snap, err)
		if err != nil {
			return err
		}
		switch err := change(&doc); {
		case errors.Is(err, errUnchanged):
			return nil
		case err != nil:
			return err
		}
		return tx.Set(ref, doc)
	})
}

// countDocuments costs one read for a thousand documents.
func countDocuments(ctx context.Context, query firestore.Query) (int, error) {
	const name = "n"
	result, err := query.NewAggregationQuery().WithCount(name).Get(ctx)
	if err != nil {
		return 0, err
	}
	n, ok := result[name].(*firestorepb.Value)
	if !ok {
		return 0, errors.New("the answer holds no number")
	}
	return int(n.GetIntegerValue()), nil
}
