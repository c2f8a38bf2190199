use chiltepin::sh;

fn main() {
    let (x, n) = ("a b", 3);
    sh!("echo '{x}'");
    sh!("echo \"{x}\" {n}");
    sh!("echo `cat {x}`");
    sh!("echo ${x}");
    sh!("echo \\{x}");
    sh!("echo $(({n} + 1))");
    sh!("ls # {x}");
    sh!("cat <<END\n{x}\nEND");
    sh!("awk '{{ print {n} }}' {x} | sh -c \"ls {x:?}\"");
}
