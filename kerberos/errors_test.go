package kerberos

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestCodesExplainEveryCode(t *testing.T) {
	t.Parallel()
	seen := map[Code]bool{}
	for _, c := range Codes() {
		if seen[c.Code] || c.Cause == "" || c.Cure == "" || strings.ToLower(string(c.Code)) != string(c.Code) {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
	}
	for _, c := range []Code{CodeReplayStore, CodeMutual, CodeCCache} { // the last of each part
		if !seen[c] {
			t.Errorf("%s is not in the catalogue", c)
		}
	}
	for _, c := range TokenCodes() {
		if !seen[c.Code] {
			t.Errorf("%s is in TokenCodes only", c.Code)
		}
	}
}

func TestErrorIsMatchesByCode(t *testing.T) {
	t.Parallel()
	err := error(&Error{Code: CodeSkew, Detail: "client's clock is 6m0s ahead of ours", Err: fs.ErrInvalid})
	wrapped := fmt.Errorf("accept: %w", err)
	for _, test := range []struct {
		target error
		want   bool
	}{
		{&Error{Code: CodeSkew}, true},
		{&Error{Code: CodeReplay}, false},
		{&Error{Code: CodeSkew, Detail: "another"}, false},
		{&Error{Code: CodeSkew, Err: fs.ErrInvalid}, false},
		{fs.ErrInvalid, true},
		{fs.ErrExist, false},
	} {
		if got := errors.Is(wrapped, test.target); got != test.want {
			t.Errorf("errors.Is(_, %v) is %t", test.target, got)
		}
	}
}

func TestErrorTextHasCodeDetailAndCause(t *testing.T) {
	t.Parallel()
	e := Errorf(CodeService, "ticket is for %s", "soap/a@R")
	if e.ErrorCode() != "ticket-service" || e.Reason() != "ticket is for soap/a@R" ||
		e.Error() != "kerberos: ticket-service: ticket is for soap/a@R" {
		t.Errorf("%q, %q, %q", e.ErrorCode(), e.Reason(), e)
	}
	e.Err = errors.New("the cause")
	if e.Reason() != "ticket is for soap/a@R: the cause" || !strings.HasSuffix(e.Error(), e.Reason()) {
		t.Errorf("%q, %q", e.Reason(), e)
	}
}
