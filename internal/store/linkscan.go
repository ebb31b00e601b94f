package store

import (
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// ListLinks returns links of a kind behind a place, "" for the beginning, at
// most limit, and the place of the last. It costs one read for each.
func (l *Links) ListLinks(ctx context.Context, kind crm.Kind, behind string, limit int) ([]syncer.Link, string, error) {
	query := l.client.Collection(linksCollection).Where("kind", "==", string(kind)).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if behind != "" {
		query = query.StartAfter(behind)
	}
	snaps, err := query.Documents(ctx).GetAll()
	if err != nil {
		return nil, "", fmt.Errorf("list links of kind %s: %w", kind, err)
	}
	links := make([]syncer.Link, 0, len(snaps))
	for _, snap := range snaps {
		link, err := decodeLink(snap)
		if err != nil {
			return nil, "", err
		}
		links, behind = append(links, link), snap.Ref.ID
	}
	return links, behind, nil
}

func decodeLink(snap *firestore.DocumentSnapshot) (syncer.Link, error) {
	var d linkDoc
	if err := snap.DataTo(&d); err != nil {
		return syncer.Link{}, fmt.Errorf("decode link %s: %w", snap.Ref.ID, err)
	}
	return d.toLink(formatVersion(snap.UpdateTime)), nil
}

// CountLinks costs one read for a thousand links.
func (l *Links) CountLinks(ctx context.Context, kind crm.Kind) (int, error) {
	return l.countLinks(ctx, kind, l.client.Collection(linksCollection).Where("kind", "==", string(kind)))
}

// CountMade counts the links whose record on a side the connector created.
func (l *Links) CountMade(ctx context.Context, kind crm.Kind, side crm.System) (int, error) {
	return l.countLinks(ctx, kind, l.client.Collection(linksCollection).Where("kind", "==", string(kind)).Where("created_on", "==", string(side)))
}

func (l *Links) countLinks(ctx context.Context, kind crm.Kind, query firestore.Query) (int, error) {
	n, err := countDocuments(ctx, query)
	if err != nil {
		return 0, fmt.Errorf("count links of kind %s: %w", kind, err)
	}
	return n, nil
}

// CountLinked returns how many of the records have a link. It costs one read
// for each.
func (l *Links) CountLinked(ctx context.Context, refs []crm.Ref) (int, error) {
	links, err := l.LinksOf(ctx, refs)
	return len(links), err
}

// LinksOf finds the links of records. It costs one read for each.
func (l *Links) LinksOf(ctx context.Context, refs []crm.Ref) (map[crm.Ref]syncer.Link, error) {
	var named []*firestore.DocumentRef
	var others []crm.Ref
	for _, r := range refs {
		if r.System == crm.HubSpot {
			named = append(named, l.doc(hashedName(r)))
		} else {
			others = append(others, r)
		}
	}
	snaps, err := l.client.GetAll(ctx, named)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	for some := range slices.Chunk(others, maxInValues) {
		values := make([]string, len(some))
		for i, r := range some {
			values[i] = hashedName(r)
		}
		found, err := l.client.Collection(linksCollection).Where(string(some[0].System), "in", values).Documents(ctx).GetAll()
		if err != nil {
			return nil, fmt.Errorf("read links: %w", err)
		}
		snaps = append(snaps, found...)
	}
	return claimedLinks(snaps, refs)
}

// claimedLinks returns for each of some records the link that claims it.
func claimedLinks(snaps []*firestore.DocumentSnapshot, refs []crm.Ref) (map[crm.Ref]syncer.Link, error) {
	links := make(map[crm.Ref]syncer.Link, len(refs))
	asked := map[crm.Ref]bool{}
	for _, r := range refs {
		asked[r] = true
	}
	for _, snap := range snaps {
		if !snap.Exists() {
			continue
		}
		link, err := decodeLink(snap)
		if err != nil {
			return nil, err
		}
		for _, r := range link.Claimed {
			if asked[r] {
				links[r] = link
			}
		}
	}
	return links, nil
}

// maxInValues is how many values an "in" of a query takes.
const maxInValues = 30
