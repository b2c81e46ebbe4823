package wsdl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// The parameters of the queries for a WSDL: with links to others, or in one
// document, which WCF has for tools that follow no links.
const (
	queryWSDL   = "wsdl"
	querySingle = "singlewsdl"
)

// findSingle returns the document for ?singleWsdl: what the service has there, or
// else its WSDL, if that is one document. Documents are not put together here.
func (p *Publisher) findSingle(ctx context.Context, key string) ([]byte, error) {
	missing := ErrNoDocument
	if p.single != nil {
		document, err := p.single.find(ctx, key)
		if err == nil || ctx.Err() != nil {
			return document, err
		}
		missing = err
	}
	if key != querySingle { // what the WSDL there links to
		return nil, fmt.Errorf("%.100q: %w", key, missing)
	}
	all, err := p.current(ctx)
	switch {
	case err != nil && p.single == nil:
		return nil, err
	case err != nil:
		return nil, missing
	case len(all.order) != 1:
		return nil, fmt.Errorf("the WSDL at ?wsdl is %d documents, and cannot be had in one: %w", len(all.order), missing)
	}
	return all.documents[all.order[0]], nil
}

// A statusError is the status of an answer that is no document.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("HTTP %d", int(e)) }

// absent returns the error of the first document, as [ErrNoDocument] if it says
// that the service has no WSDL in one document. That is an answer as good as any,
// and no failure.
func absent(query string, err error) error {
	var status statusError
	if query != querySingle || !errors.As(err, &status) {
		return err
	}
	switch int(status) {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone,
		http.StatusNotImplemented:
		return fmt.Errorf("%w: %w", err, ErrNoDocument)
	}
	return err
}
