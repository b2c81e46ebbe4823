package krb5conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Limits of a krb5.conf, includes counted in.
const (
	maxConfBytes = 1 << 20
	maxConfText  = 4 * maxConfBytes // with the white space and the braces that Read adds
	maxConfFiles = 512
	confBuffer   = 2047 // octets of a line; MIT's library reads the rest as another line
)

// Read reads a krb5.conf file and the files that it includes, as MIT's library
// does, and returns their settings as one text without includes, for [Parse],
// kdc.TransportConfig and kdc.ClientConfig. The texts of several files, as
// KRB5_CONFIG may list them, can be concatenated in their order.
//
// The path may begin with "~/". If it is a directory, Read reads the files that
// "includedir" would. An error is fs.ErrNotExist or fs.ErrPermission only for
// the file itself, not for one that it includes. It is [errors.ErrUnsupported]
// for what MIT's library may accept and this package does not: a module instead
// of settings, and more than 1 MiB or 512 files. MIT's library refuses every
// other file that Read refuses.
func Read(path string) (text string, err error) {
	text, _, err = ReadFiles(path)
	return text, err
}

// ReadFiles is [Read], and also returns the paths of the files that were read,
// included ones among them, in their order.
func ReadFiles(path string) (text string, files []string, err error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, rest)
		}
	}
	r := confReader{root: new(confNode)}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = r.dir(path)
	} else if err == nil {
		err = r.file(path)
	}
	if err != nil {
		return "", nil, fmt.Errorf("krb5.conf: %w", err)
	}
	return r.root.text(), r.files, nil
}

// A confReader reads files into one tree of settings.
type confReader struct {
	root  *confNode
	files []string // read so far
	bytes int      // of them
}

// file reads a file. A directory is an empty file, as for MIT's library.
func (r *confReader) file(path string) error {
	if r.files = append(r.files, path); len(r.files) > maxConfFiles {
		return unsupportedConf(fmt.Sprintf("%s: more than %d files; do they include each other?", path, maxConfFiles))
	}
	raw, err := r.read(path)
	if err != nil {
		return err
	}
	p := confParser{root: r.root, include: r.include}
	if err := p.parse(string(raw), confBuffer); err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	return nil
}

func (r *confReader) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, int64(maxConfBytes-r.bytes+1)))
	if err != nil {
		return nil, err
	}
	if r.bytes += len(raw); r.bytes > maxConfBytes {
		return nil, unsupportedConf(fmt.Sprintf("%s: more than %d octets", path, maxConfBytes))
	}
	return raw, nil
}

// include reads the file or directory that a line names. The error does not
// match fs.ErrNotExist or fs.ErrPermission, which are for the first file.
func (r *confReader) include(directive, target string) error {
	read := r.file
	if directive == "includedir" {
		read = r.dir
	}
	err := read(target)
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return fmt.Errorf("%s: %v", directive, err)
}

// dir reads the files of a directory that MIT's library reads: names of
// letters, digits, "-" and "_" only, or ending in ".conf", but not beginning
// with a dot.
func (r *confReader) dir(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		plain := !strings.ContainsFunc(e.Name(), func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if e.Name()[0] == '.' || !plain && !strings.HasSuffix(e.Name(), ".conf") {
			continue
		}
		if err := r.file(path + "/" + e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// Parse parses the text of a krb5.conf (MIT's krb5.conf(5)) as MIT's library
// does, except that lines may be of any length. Unknown settings are accepted.
// A text with includes is refused with [errors.ErrUnsupported]: see [Read].
func Parse(text string) (*Config, error) {
	if len(text) > maxConfText {
		return nil, fmt.Errorf("krb5.conf: %w", unsupportedConf(fmt.Sprintf("more than %d octets", maxConfText)))
	}
	c := new(Config)
	p := confParser{root: &c.root, include: func(string, string) error {
		return unsupportedConf("includes another file; read the file with krb5conf.Read, or put the text here")
	}}
	if err := p.parse(text, 0); err != nil {
		return nil, fmt.Errorf("krb5.conf %w", err)
	}
	return c, nil
}
