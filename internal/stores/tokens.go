package stores

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

// Tokens is a [wssec.TokenCache] of all nodes. A token is kept in the memory of
// the process and in a store, so that a client can name it to any node. It may be
// dropped early: when the store has no room, or is not there, the client sends its
// token again. It is safe for concurrent use.
type Tokens struct {
	local  wssec.TokenCache
	store  wssec.ContextStore
	sealer wssec.StateSealer
	scope  string
}

// NewTokens returns the tokens of a scope, which are unknown in another.
func NewTokens(local wssec.TokenCache, store wssec.ContextStore, sealer wssec.StateSealer, scope string) *Tokens {
	return &Tokens{local, store, sealer, scope}
}

// keptToken is a token that JSON can hold.
type keptToken struct {
	Name, Realm, Service string
	Groups               []string
	ValueType            string
	Etype                int32
	Key                  []byte
	EndTime              time.Time
	Credentials          []byte
}

// id is what the store knows a token by, and what its entry is sealed for.
func (t *Tokens) id(hash wssec.TokenHash) string {
	return "token v1 " + hex.EncodeToString(hash[:]) + " " + t.scope
}

// PutToken enters a token. The error is that of the process's own memory.
func (t *Tokens) PutToken(ctx context.Context, hash wssec.TokenHash, tok wssec.CachedToken) error {
	id := t.id(hash)
	plain, err := json.Marshal(&keptToken{tok.Name, tok.Realm, tok.Service, tok.Groups, tok.ValueType, tok.Etype,
		tok.Key.ExposeSecretOctets(), tok.EndTime, tok.Credentials})
	if err == nil {
		var sealed []byte
		if sealed, err = t.sealer.Seal(id, plain); err == nil {
			// Without room or store the token is known here alone.
			_, _ = t.store.Add(ctx, id, sealed, tok.Name+"@"+tok.Realm, tok.EndTime)
		}
		clear(plain)
	}
	return t.local.PutToken(ctx, hash, tok)
}

// GetToken returns a token, from the memory of the process if it is there. The
// error is that of the store.
func (t *Tokens) GetToken(ctx context.Context, hash wssec.TokenHash) (tok wssec.CachedToken, ok bool, err error) {
	if tok, ok, err = t.local.GetToken(ctx, hash); ok || err != nil {
		return tok, ok, err
	}
	sealed, err := t.store.Get(ctx, t.id(hash))
	if err != nil || sealed == nil {
		return tok, false, err
	}
	plain, err := t.sealer.Open(t.id(hash), sealed)
	if err != nil {
		return tok, false, nil // by another key: as good as none
	}
	defer clear(plain)
	var k keptToken
	if json.Unmarshal(plain, &k) != nil {
		return tok, false, nil // of another version
	}
	tok = wssec.CachedToken{Name: k.Name, Realm: k.Realm, Service: k.Service, Groups: k.Groups, ValueType: k.ValueType,
		Etype: k.Etype, Key: wssec.NewKey(k.Key), EndTime: k.EndTime, Credentials: k.Credentials}
	return tok, true, t.local.PutToken(ctx, hash, tok)
}
